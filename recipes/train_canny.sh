#!/bin/sh
# The shipped Canny ControlNet: the paper's recipe (locked base, zero convolutions, half of the prompts dropped) on the
# embedded base; about 75 minutes on one processor core (--threads 1), and six more to render the scenes once. The one that
# ships ran with --steps 1000, its rate falling to zero at the end, then with --resume --steps 1800 and 6600, each at
# the full rate again. recipes/halve.py makes the folder that ships. Run from the repository:
#
#     recipes/train_canny.sh [--base FOLDER] [--out FOLDER] [--resume] ...
#
# Flags given here come last and win. A cut run goes on with --resume and is bitwise the run that was never cut.
set -eu

# Large blocks stay with the process: a tenth to a fifth less time a step on Linux.
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000
# One process with one thread: two threads that share busy cores wait for each other.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

exec "${ZEROCONV:-.venv/bin/zeroconv}" train \
  --base tiny --condition canny --data scenes:8000 --out runs/canny \
  --steps 6600 --batch-size 12 --learning-rate 5e-4 --warm-up 50 --decay 0.4 --ema 0.99 \
  --gain-every 50 --held-out 64 --save-every 250 --preview-every 600 "$@"
