"""The rules between options, which argparse has no means for."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from stamp2vec.cli import commands
from stamp2vec.cli.bulk import INDEX_VARIABLE, Shard

DEFAULT_TIMEOUT_S = 120.0

_FOLDERS = ("crops", "masks", "unrolled", "clean")
_OUT_OPTIONS = ("resume", "jobs", "timeout", "shard", "shards")
_GATEWAY_OPTIONS = ("tls", "ca", "token_file", "interactive")


def check(top: ArgumentParser, arguments: Namespace) -> None:
    """Ends the process with code 2 where one is broken; sets what follows from others."""
    if arguments.run in (commands.find, commands.analyze):
        _check_out(top, arguments)
    for option in ("min_score", "max_overlap", "pages"):
        if getattr(arguments, "crop", False) and getattr(arguments, option) not in (None, ""):
            name = _typed(option)
            top.error(f"{name} is for pages: leave out --crop, or {name}")
    if not getattr(arguments, "crop", True) and arguments.model is not None:
        top.error("--model is for cropped stamps: add --crop, or choose the models of pages with --preset")
    for option in _GATEWAY_OPTIONS:
        if arguments.gateway is None and getattr(arguments, option, None):
            top.error(f"{_typed(option)} needs --gateway")
    folders = [Path(folder).resolve() for option in _FOLDERS if (folder := getattr(arguments, option, None))]
    if len(folders) > len(set(folders)):
        top.error(f"{', '.join(map(_typed, _FOLDERS))} name their files alike: choose a folder for each")
    typed = [*getattr(arguments, "files", []), getattr(arguments, "a", ""), getattr(arguments, "b", "")]
    if typed.count("-") > 1:
        top.error("- can be given once: stdin holds one file")


def _check_out(top: ArgumentParser, arguments: Namespace) -> None:
    """What goes with --out, what needs it, and its defaults."""
    if arguments.out is None:
        if getattr(arguments, "vectors", False) and not arguments.json:
            top.error("--vectors needs --json or --out")
        for option in _OUT_OPTIONS:
            if getattr(arguments, option):
                top.error(f"{_typed(option)} needs --out")
        return
    for option in ("json", *_FOLDERS, "prior", "text"):
        if getattr(arguments, option, None):
            top.error(f"{_typed(option)} is not for --out: leave out one of them")
    if "-" in arguments.files:
        top.error("- is not for --out: name files or folders")
    arguments.timeout = arguments.timeout or DEFAULT_TIMEOUT_S
    if arguments.shards is not None:
        index = os.environ.get(INDEX_VARIABLE, "")
        if not index.isdecimal() or int(index) >= arguments.shards:
            top.error(f"--shards {arguments.shards} needs {INDEX_VARIABLE}, 0 to {arguments.shards - 1}: use --shard")
        arguments.shard = Shard(int(index), arguments.shards)


def _typed(option: str) -> str:
    return "--" + option.replace("_", "-")
