"""Configuration: schema, loading, defaults. The only place that reads `sealift.yaml`, `.env` and variables."""

from pipelines.config.allowed import check_allowed, objection
from pipelines.config.dotenv import environ_with_dotenv
from pipelines.config.flags import check_flags
from pipelines.config.load import LoadedConfig, load, parse
from pipelines.config.paths import ServicePaths, resolve_paths
from pipelines.config.problems import InvalidConfig, Problem
from pipelines.config.resolve import resolve
from pipelines.config.schema import (
    Boot,
    Config,
    Database,
    Environment,
    Policy,
    Retention,
    Service,
    TagRule,
)
from pipelines.config.selection import all_platforms, service_platforms, with_needed
from pipelines.config.settings import Flags, Origin, Settings
from pipelines.config.signing import KMS_SCHEMES, Signing, kms_problem
from pipelines.config.signing_files import SigningFiles, read_signing, trust_of
from pipelines.config.values import is_loopback, parse_secret_address
from pipelines.config.variables import VARIABLES

__all__ = [
    "KMS_SCHEMES",
    "VARIABLES",
    "Boot",
    "Config",
    "Database",
    "Environment",
    "Flags",
    "InvalidConfig",
    "LoadedConfig",
    "Origin",
    "Policy",
    "Problem",
    "Retention",
    "Service",
    "ServicePaths",
    "Settings",
    "Signing",
    "SigningFiles",
    "TagRule",
    "all_platforms",
    "check_allowed",
    "check_flags",
    "environ_with_dotenv",
    "is_loopback",
    "kms_problem",
    "load",
    "objection",
    "parse",
    "parse_secret_address",
    "read_signing",
    "resolve",
    "resolve_paths",
    "service_platforms",
    "trust_of",
    "with_needed",
]
