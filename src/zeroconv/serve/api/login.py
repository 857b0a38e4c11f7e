"""/login: a browser gives the token once and gets a cookie for the page."""

import html

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from zeroconv.serve.api.access import COOKIE, Access, cookie_of
from zeroconv.serve.api.errors import error_response
from zeroconv.serve.settings import Settings

_DAYS = 30
_FORM = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>zeroconv</title></head><body><main><h1>zeroconv</h1><p>{sentence}</p>
<form method="post" action="/login"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Enter</button></form></main></body></html>
"""
_POLICY = {"Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'"}


def router(settings: Settings) -> APIRouter:
    """The form, and what takes it."""
    found, access = APIRouter(include_in_schema=False), Access(settings)

    @found.get("/login")
    def form(token: str = "") -> Response:
        """The form; a link with the token in it enters at once."""
        return _enter(access, token) if token else _page("This server asks for a token.", 200)

    @found.post("/login")
    def enter(token: str = Form("")) -> Response:
        """Sets the cookie."""
        return _enter(access, token)

    return found


def _enter(access: Access, token: str) -> Response:
    if not access.is_known(token):
        return _page("That is not the token.", 401) if token else error_response(401, "a token is needed")
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, cookie_of(token), max_age=_DAYS * 86400, httponly=True, samesite="strict")
    return answer


def _page(sentence: str, status: int) -> Response:
    return HTMLResponse(_FORM.format(sentence=html.escape(sentence)), status, _POLICY)
