"""The command line. Commands are thin; PyTorch is only imported when one of them runs."""

from presoftmax.cli.app import main

__all__ = ["main"]
