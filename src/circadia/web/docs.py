"""The API's description as a page, from files that came with Circadia: no other host is asked."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

_UI = "/static/vendor/swagger-ui"


def install(app: FastAPI) -> None:
    """Serve `/docs`; what it needs is below `/static`."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=f"{app.title} API",
        swagger_js_url=f"{_UI}/swagger-ui-bundle.js",
        swagger_css_url=f"{_UI}/swagger-ui.css",
        swagger_favicon_url=f"{_UI}/favicon-32x32.png",
    )

    async def docs() -> HTMLResponse:
        return page

    app.add_api_route("/docs", docs, include_in_schema=False)
