"""Checks of lab 07d: FP8, INT4 in groups, adapters."""

from edgekit.checks.frontiers.freeze_base import freeze_base
from edgekit.checks.frontiers.int4_groupwise import int4_groupwise
from edgekit.checks.frontiers.lora_forward import lora_forward
from edgekit.checks.frontiers.lora_init import lora_init
from edgekit.checks.frontiers.round_to_fp8 import round_to_fp8

__all__ = ["round_to_fp8", "int4_groupwise", "lora_forward", "lora_init", "freeze_base"]
