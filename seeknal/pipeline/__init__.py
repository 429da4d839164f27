"""What the author of a Python node imports: decorators, the context's type, and small settings classes.

Decides nothing: a decorator tags its function and returns it. `seeknal` reads node files as syntax trees and calls the
functions in worker processes, so importing this package must stay free of cost: standard library only.
"""

from __future__ import annotations

from seeknal.pipeline.context import PipelineContext
from seeknal.pipeline.decorators import (
    clear_registry,
    feature_group,
    get_registered_nodes,
    second_order_aggregation,
    source,
    transform,
)
from seeknal.pipeline.feature_frame import FeatureFrame
from seeknal.pipeline.llm import PipelineLLM
from seeknal.pipeline.materialization_config import (
    IcebergTable,
    Materialization,
    OfflineConfig,
    OnlineConfig,
)
from seeknal.pipeline.state import PipelineState

__all__ = [
    "FeatureFrame",
    "IcebergTable",
    "Materialization",
    "OfflineConfig",
    "OnlineConfig",
    "PipelineContext",
    "PipelineLLM",
    "PipelineState",
    "clear_registry",
    "feature_group",
    "get_registered_nodes",
    "second_order_aggregation",
    "source",
    "transform",
]
