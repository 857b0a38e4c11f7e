#!/bin/sh
# A shipped ControlNet of the embedded base: the paper's recipe (locked base, zero convolutions, half of the prompts
# dropped). 4,500 steps take about 45 minutes of one processor core (--threads 1), and rendering 16,000 scenes once ten
# more. Those that ship had --steps 3600 (canny) and 3800 (segmentation), then went on with --resume --steps 6600 and
# 6200. recipes/halve.py makes the folder that ships of runs/CONDITION/controlnet. Run from the repository:
#
#     recipes/train_controlnet.sh canny|segmentation|... [--base FOLDER] [--out FOLDER] [--resume] ...
#
# Flags given after the condition come last and win. A cut run goes on with --resume and is bitwise the run that was
# never cut.
set -eu

if [ $# -eq 0 ]; then
  sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
  exit 2
fi
condition=$1
shift

# Large blocks stay with the process: a tenth to a fifth less time a step on Linux.
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000
# One process with one thread: two threads that share busy cores wait for each other.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

exec "${ZEROCONV:-.venv/bin/zeroconv}" train \
  --base tiny --condition "$condition" --data scenes:16000 --out "runs/$condition" \
  --steps 4500 --batch-size 12 --learning-rate 5e-4 --warm-up 50 --decay 0.4 --ema 0.99 \
  --gain-every 100 --held-out 64 --save-every 250 --preview-every 1000 --keep last "$@"
