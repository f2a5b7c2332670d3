"""Checks of lab 07d: FP8, INT4 in groups, adapters."""

from edgekit.checks.frontiers.adapters import freeze_base, lora_forward, lora_init
from edgekit.checks.frontiers.formats import int4_groupwise, round_to_fp8

__all__ = ["round_to_fp8", "int4_groupwise", "lora_forward", "lora_init", "freeze_base"]
