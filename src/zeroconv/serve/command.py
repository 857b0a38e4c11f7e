"""`zeroconv serve`: the page and the HTTP API on one port, with the embedded base or one's own."""

import argparse
import importlib.util
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zeroconv import fields
from zeroconv.errors import UserError
from zeroconv.serve.settings import Limits, Settings

FOLDER = "zeroconv-serve"
TOKEN = "ZEROCONV_TOKEN"
_SHORTEST_TOKEN = 8
_MODULES = ("fastapi", "uvicorn", "multipart", "gradio")

_EXAMPLES = """\
examples:
  zeroconv serve                                       the embedded base; open http://127.0.0.1:7860/
  zeroconv serve --base sd15=models/sd15 --controlnet edges=models/control_canny.safetensors --device cuda
  ZEROCONV_TOKEN=... zeroconv serve --host 0.0.0.0     for other machines, who need the token
  curl -H 'Content-Type: application/json' -d '{"prompt": "a red house"}' http://127.0.0.1:7860/v1/generate

Jobs, their pictures and the history are kept in --data: a server that ends, or is killed, goes on there with the same
command. Ctrl-C ends it at the next step. Nothing is downloaded while it serves (HF_HUB_OFFLINE=0 allows it)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Address, models, token and limits."""
    parser.epilog = _EXAMPLES
    text = "address to listen at; others than this machine's own need a token (default: 127.0.0.1)"
    parser.add_argument("--host", default="127.0.0.1", help=text)
    parser.add_argument("--port", type=int, default=7860, help="0 takes one that is free (default: 7860)")
    text = "a base to offer: built-in name, folder or file; several: the first is taken where none is named "
    parser.add_argument("--base", metavar="NAME|NAME=PATH", action="append", default=[], help=f"{text}(default: tiny)")
    text = "a ControlNet or T2I-Adapter to offer, beside those that ship"
    parser.add_argument("--controlnet", metavar="NAME=PATH", action="append", default=[], help=text)
    text = "a LoRA to offer, a .safetensors file (extra lora); once for each"
    parser.add_argument("--lora", metavar="NAME=PATH", action="append", default=[], help=text)
    text = f"folder for jobs, pictures and history (default: {FOLDER} in the working directory)"
    parser.add_argument("--data", metavar="DIR", type=Path, default=Path(FOLDER), help=text)
    text = (
        f"what clients must know; other users of this machine may see it: rather the variable {TOKEN} or --token-file"
    )
    parser.add_argument("--token", help=text)
    text = "file with a token a line, each after the name of its client if there are several"
    parser.add_argument("--token-file", metavar="FILE", type=Path, help=text)
    text = "a name by which other machines call the server; once for each (default: with a token, any)"
    parser.add_argument("--allow-host", metavar="NAME", action="append", default=[], help=text)
    parser.add_argument("--device", help="cpu, cuda, cuda:1, mps (default: cuda where there is one)")
    text = "float32, in which a picture is the same in any company to 1/255, float16 or bfloat16, in which it is nearly"
    parser.add_argument("--dtype", default="auto", help=f"{text} (default: what the device is best at)")
    text = "owners that compute and replicas that answer, on Ray: RAY_ADDRESS's cluster, else this machine; no page"
    parser.add_argument("--ray-replicas", type=int, metavar="N", default=0, help=text)
    text = "folder below which training runs lie, which the page then watches"
    parser.add_argument("--runs", metavar="DIR", type=Path, help=text)
    limits = parser.add_argument_group("limits")
    for option in fields.options(Limits):
        help = f"{option.help.rstrip('.')} (default: {option.default:,})"
        name = f"--max-{option.name.replace('_', '-')}"
        limits.add_argument(
            name, dest=f"max_{option.name}", type=option.annotation, default=option.default, metavar="N", help=help
        )


def run(args: argparse.Namespace) -> int:
    """Serves until it is told to end."""
    _check_extra()
    settings = settings_of(args)
    given = {"--base": args.base, "--controlnet": args.controlnet, "--lora": args.lora}
    places = [_places(texts, flag) for flag, texts in given.items()]
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if args.ray_replicas:
            _serve_scaled(settings, places, args)
            return 0
        with _listening(settings) as listener:
            from zeroconv.serve.running import serve

            serve(settings, listener, *places, device=args.device, dtype=args.dtype)
    except KeyboardInterrupt:
        print(f"\nzeroconv serve has ended; what was not finished waits in {settings.data}")
    return 0


def _serve_scaled(settings: Settings, places: Sequence[Mapping[str, str]], args: argparse.Namespace) -> None:
    """Many processes; UserError where Ray is not installed."""
    if args.ray_replicas < 1:
        raise UserError(f"--ray-replicas must be 1 or more, not {args.ray_replicas}")
    if importlib.util.find_spec("ray") is None:
        raise UserError("--ray-replicas needs Ray: pip install 'zeroconv[web,serve-ray]'")
    with _listening(settings) as listener:  # told before anything is started; of port 0, which one it is
        port = listener.getsockname()[1]
    from zeroconv.serve.scale.deployment import serve_scaled

    settings = replace(settings, port=port)
    serve_scaled(settings, *places, device=args.device, dtype=args.dtype, replicas=args.ray_replicas)


def settings_of(args: argparse.Namespace) -> Settings:
    """The server that the flags describe; UserError for one that would be open to everybody."""
    if not 0 <= args.port <= 65535:
        raise UserError(f"--port must be 0 to 65535, got {args.port}")
    limits = {option.name: getattr(args, f"max_{option.name}") for option in fields.options(Limits)}
    for name, value in limits.items():
        if not value > 0:
            raise UserError(f"--max-{name.replace('_', '-')} must be above 0, got {value:g}")
    if args.runs is not None and not args.runs.is_dir():
        raise UserError(f"--runs {args.runs} is not a folder")
    hosts = tuple(host.lower() for host in args.allow_host)
    settings = Settings(
        args.data, args.host, args.port, tokens_of(args, os.environ), hosts, Limits(**limits), args.runs
    )
    if not settings.is_loopback and not settings.tokens:
        raise UserError(
            f"--host {args.host} lets other machines in, which needs a token: set {TOKEN}, or give --token-file"
        )
    return settings


def tokens_of(args: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, str]:
    """Token -> the name of its client; empty where none is given."""
    if args.token is not None and args.token_file is not None:
        raise UserError("give --token or --token-file, not both")
    if args.token_file is not None:
        if not args.token_file.is_file():
            raise UserError(f"no file {args.token_file} with tokens")
        lines = [line.split() for line in args.token_file.read_text("utf-8").splitlines() if line.strip()]
        named = {words[-1]: words[0] if len(words) > 1 else "client" for words in lines}
        if not named:
            raise UserError(f"{args.token_file} holds no token")
    else:
        token = environment.get(TOKEN) if args.token is None else args.token
        named = {} if token is None else {token: "client"}
    for token in named:
        if len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
            raise UserError(f"a token has at least {_SHORTEST_TOKEN} letters and digits")
    return named


def _check_extra() -> None:
    """UserError where the extra is not installed."""
    if any(importlib.util.find_spec(module) is None for module in _MODULES):
        raise UserError("serve needs packages of its own: pip install 'zeroconv[web]'")


def _places(texts: Sequence[str], flag: str) -> dict[str, str]:
    """NAME or NAME=PATH -> name and place."""
    places: dict[str, str] = {}
    for text in texts:
        name, equals, place = text.partition("=")
        if not name or (equals and not place) or (not equals and flag != "--base"):
            raise UserError(f"{flag} is written NAME=PATH, got {text!r}")
        if name in places:
            raise UserError(f"{flag} {name} is given twice; every one needs a name of its own")
        places[name] = place or name
    return places


def _listening(settings: Settings) -> socket.socket:
    """The socket, before anything heavy is loaded."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
    except OSError as error:
        reason = error.strerror or error
        place = f"{settings.host}:{settings.port}"
        raise UserError(f"cannot listen at {place} ({reason}); another --port, as 0, may help") from error
    return listener
