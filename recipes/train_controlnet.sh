#!/bin/sh
# The nine ControlNets of the embedded base: the paper's recipe (locked base, zero convolutions, half of the prompts
# dropped). Canny and segmentation learn from scratch; the other seven start from the one whose images are most like
# theirs, which takes a quarter of the steps. With one processor core (--threads 1) 1,500 steps take about 15 minutes and
# rendering 16,000 scenes once ten more; all nine take about four hours. Run from the repository:
#
#     recipes/train_controlnet.sh CONDITION|all [--base FOLDER] [--out FOLDER] [--resume] ...
#
# canny, segmentation, hed, lineart, scribble, hough, depth, normal or pose; runs/CONDITION is what each writes. Flags
# given after the condition come last and win. A cut run goes on with --resume and is bitwise the run that was never
# cut. Canny and segmentation, as they ship, had --steps 3600 and 3800 at first and then went on to the steps below, so
# that their rate came down twice. Then, for each:
#
#     python recipes/halve.py runs/CONDITION/controlnet src/zeroconv/models/controlnet-CONDITION
#     zeroconv evaluate controls --count 256 --card
set -eu

if [ $# -eq 0 ]; then
  sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
  exit 2
fi
asked=$1
shift

# Large blocks stay with the process: a tenth to a fifth less time a step on Linux.
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=8000000000
# One process with one thread: two threads that share busy cores wait for each other.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

# The condition, its steps, and its flags.
train() {
  condition=$1 steps=$2
  shift 2
  "${ZEROCONV:-.venv/bin/zeroconv}" train \
    --base tiny --condition "$condition" --data scenes:16000 --out "runs/$condition" --steps "$steps" \
    --batch-size 12 --learning-rate 5e-4 --warm-up 50 --decay 0.4 --ema 0.99 \
    --gain-every 100 --held-out 64 --save-every 250 --preview-every 1000 --keep last "$@"
}

# The ControlNet to start from: the one made here, else the one that ships.
start() {
  if [ -d "runs/$1/controlnet" ]; then echo "runs/$1/controlnet"; else echo "tiny-$1"; fi
}

one() {
  condition=$1
  shift
  case $condition in
    canny) train canny 6600 "$@" ;;
    segmentation) train segmentation 6200 "$@" ;;
    hed | lineart | scribble | hough) train "$condition" 1500 --start "$(start canny)" "$@" ;;
    depth | normal | pose) train "$condition" 1500 --start "$(start segmentation)" "$@" ;;
    *) train "$condition" 4500 "$@" ;;
  esac
}

if [ "$asked" = all ]; then
  for condition in canny segmentation hed lineart scribble hough depth normal pose; do one "$condition" "$@"; done
else
  one "$asked" "$@"
fi
