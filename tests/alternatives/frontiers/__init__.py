"""Right answers in other words to lab 07d."""

from tests.alternatives.frontiers import freeze_base, int4_groupwise, lora_forward, lora_init, round_to_fp8

RIGHT = {
    "round_to_fp8": round_to_fp8.RIGHT,
    "int4_groupwise": int4_groupwise.RIGHT,
    "lora_forward": lora_forward.RIGHT,
    "lora_init": lora_init.RIGHT,
    "freeze_base": freeze_base.RIGHT,
}
