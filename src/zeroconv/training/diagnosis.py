"""Why a training has learnt nothing yet: likely causes, each named only where this run's own data speaks for it.

Every cause is a function of the evidence that returns a sentence, or None.

B examples, N condition channels, H W pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zeroconv.training.config import SMALL, TrainConfig
from zeroconv.training.gain import GainPoint
from zeroconv.training.onset import FEWEST, USEFUL
from zeroconv.training.sharding import own_part

UPDATE_TOO_SMALL, UPDATE_TOO_LARGE = 1e-6, 1e-2
"""Length of one update over the length of the weights: about 1e-4 for the paper's rate on SD 1.5, 1e-3 from scratch."""
TRAVEL = {True: 0.02, False: 0.01}
"""By whether the base is small: AdamW moves a weight by about the learning rate a step, so that the sum of the rates
bounds its way. The paper's run that converged at step 6,133 with 1e-5 (figure 4) had a sum of 0.06."""
CLIPPED_TOO_OFTEN = 0.9
SMALL_BATCH = 4


@dataclass(frozen=True)
class Evidence:
    """What a run knows about itself after some steps."""

    config: TrainConfig
    points: Sequence[GainPoint]
    reaction: float
    """Mean change of an example's loss, whichever way, by another's condition, as a share of the base's loss."""
    conditions: Tensor
    """Of the held-out examples, (B, N, H, W) as the network sees them."""
    value_range: tuple[float, float]
    is_white_on_black: bool
    """Whether its kind of condition should be dark for the most part."""
    captions: Sequence[str]
    """Some of the data's captions."""
    update_ratio: float | None
    """Length of the last update over the length of the weights, of all in training."""
    gradient_norms: Sequence[float]
    """Of the steps so far, before clipping."""
    num_parameters: int
    """Of the base's U-Net."""

    @property
    def now(self) -> GainPoint:
        """The last measurement."""
        return self.points[-1]


def likely_causes(evidence: Evidence) -> list[str]:
    """One sentence a cause, those about the data first; empty where nothing in this run points to one."""
    return [sentence for cause in CAUSES if (sentence := cause(evidence)) is not None]


def warning(evidence: Evidence, budget: int) -> str:
    """The paragraph a user reads when control has not set in within `budget` steps."""
    now, causes = evidence.now, likely_causes(evidence)
    head = (
        f"warning: after {now.step} steps (expected by {budget}) it is not shown that the condition is used: the "
        f"control gain is {now.gain:.2g} +- {now.gain_interval:.2g}, a wrong condition costs {now.shuffled_gain:.2g} "
        f"+- {now.shuffled_gain_interval:.2g}, of a loss of {now.without:.3g}. "
    )
    if not causes:
        return head + (
            "Nothing in this run's data points to a cause; control often comes suddenly and late, so go on, "
            "or try a larger batch."
        )
    return head + "Likely causes: " + " ".join(f"({number}) {cause}" for number, cause in enumerate(causes, 1))


def update_ratio(optimizer: torch.optim.Optimizer) -> float | None:
    """Length of AdamW's next update over the length of the weights; None before the first step.

    m / sqrt(v) with the bias corrections of arXiv 1412.6980; weights that are still zero count with their updates. Of
    weights that are spread over processes it is that of this one's part.
    """
    moved = size = torch.zeros(())
    for group in optimizer.param_groups:
        first, second = group.get("betas", (0.9, 0.999))
        for parameter in group["params"]:
            state = optimizer.state.get(parameter, {})
            if "exp_avg_sq" not in state:
                continue
            step = float(state["step"])
            mean = own_part(state["exp_avg"]) / (1 - first**step)
            spread = (own_part(state["exp_avg_sq"]) / (1 - second**step)).sqrt() + group.get("eps", 1e-8)
            moved = moved + (group["lr"] * mean / spread).square().sum().cpu()
            size = size + own_part(parameter.detach()).square().sum().cpu()
    return float((moved / size).sqrt()) if size > 0 else None


def _constant_conditions(evidence: Evidence) -> str | None:
    span = abs(evidence.value_range[1] - evidence.value_range[0])
    spread = evidence.conditions.flatten(1).float().std(dim=1)
    share = (spread < 1e-3 * span).float().mean().item()
    if share < 0.2:
        return None
    return (
        f"{share:.0%} of the held-out condition images are of one colour: is the condition made from the right files?"
    )


def _same_conditions(evidence: Evidence) -> str | None:
    first = evidence.conditions[:1]
    if len(evidence.conditions) < 2 or not torch.equal(evidence.conditions, first.expand_as(evidence.conditions)):
        return None
    return "all held-out condition images are the same picture."


def _inverted_conditions(evidence: Evidence) -> str | None:
    low, high = evidence.value_range
    brightness = (evidence.conditions.float().flatten(1).mean(dim=1) - low) / (high - low)
    share = (brightness > 0.5).float().mean().item()
    if not evidence.is_white_on_black or share < 0.5:
        return None
    return f"{share:.0%} of the held-out condition images are mostly bright, but should be white on black: inverted?"


def _misaligned_pairs(evidence: Evidence) -> str | None:
    """The ControlNet does something, but a wrong condition serves as well as the right one."""
    now = evidence.now
    acts = abs(now.gain) > now.gain_interval or evidence.reaction > USEFUL
    is_told_apart = now.shuffled_gain - now.shuffled_gain_interval > 0.1 * USEFUL * now.without
    if not acts or is_told_apart:
        return None
    return (
        "a wrong condition serves as well as the right one, though the ControlNet has learnt to act: do pictures and "
        "conditions belong together? Look at the first columns of a preview, and at `zeroconv dataset check`."
    )


def _rate_too_small(evidence: Evidence) -> str | None:
    config, step = evidence.config, evidence.now.step
    travelled = sum(config.learning_rate_at(number) for number in range(1, step + 1))
    wanted = TRAVEL[evidence.num_parameters < SMALL]
    ratio = evidence.update_ratio
    if travelled >= wanted and (ratio is None or ratio >= UPDATE_TOO_SMALL):
        return None
    told = "" if ratio is None else f", one update is {ratio:.1g} of the weights' length"
    return (
        f"the learning rate is small: the rates of {step} steps sum up to {travelled:.2g}, about how far AdamW can "
        f"have moved a weight, where some {wanted:g} is needed{told}."
    )


def _rate_too_large(evidence: Evidence) -> str | None:
    now, ratio = evidence.now, evidence.update_ratio
    does_harm = now.gain + now.gain_interval < 0
    is_large = ratio is not None and ratio > UPDATE_TOO_LARGE
    if not does_harm and not is_large:
        return None
    harm = f"the loss with control is {-now.gain:.2g} above that without" if does_harm else ""
    large = f"one update is {ratio:.1g} of the weights' length" if is_large else ""
    told = " and ".join(text for text in (harm, large) if text)
    return f"the learning rate of {evidence.config.learning_rate:g} is too large: {told}."


def _clipped_gradients(evidence: Evidence) -> str | None:
    limit = evidence.config.max_grad_norm
    share = sum(norm > limit for norm in evidence.gradient_norms) / max(1, len(evidence.gradient_norms))
    if share < CLIPPED_TOO_OFTEN:
        return None
    return f"gradients were cut down to {limit:g} in {share:.0%} of the steps: is max_grad_norm too small?"


def _prompts_never_dropped(evidence: Evidence) -> str | None:
    if evidence.config.prompt_drop >= 0.05 or not any(evidence.captions):
        return None
    return (
        f"prompts are {'never' if not evidence.config.prompt_drop else 'hardly ever'} dropped, so that the words "
        "answer what the condition should; the paper drops half (--prompt-drop 0.5)."
    )


def _small_batch(evidence: Evidence) -> str | None:
    if evidence.config.batch_size >= SMALL_BATCH:
        return None
    return (
        f"a step sees {evidence.config.batch_size} example{'s' * (evidence.config.batch_size > 1)}; a larger "
        "--batch-size helps more than more steps (with --accumulation at the same memory)."
    )


def _few_held_out(evidence: Evidence) -> str | None:
    now = evidence.now
    if 0 < now.examples < FEWEST:
        return f"{now.examples} held-out examples are too few to tell: take --held-out 64."
    if now.gain_interval < 3 * USEFUL * now.without or now.gain + now.gain_interval < 0:
        return None
    return f"the gain is known to +- {now.gain_interval / now.without:.0%} of the loss only: take more --held-out."


CAUSES: tuple[Callable[[Evidence], str | None], ...] = (
    _constant_conditions,
    _same_conditions,
    _inverted_conditions,
    _misaligned_pairs,
    _rate_too_small,
    _rate_too_large,
    _clipped_gradients,
    _prompts_never_dropped,
    _small_batch,
    _few_held_out,
)
