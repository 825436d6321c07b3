"""The page that describes the API and tries it out; its scripts come from here, since a desk may have no internet."""

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from api.routing import PREFIX

PAGE, ASSETS = f"{PREFIX}/docs", f"{PREFIX}/docs/assets"


def serve_page(app: FastAPI) -> None:
    """Serve it."""
    app.mount(ASSETS, StaticFiles(packages=[("fastapi_offline", "static")]))
    app.add_route(PAGE, _page, include_in_schema=False)


async def _page(request: Request) -> HTMLResponse:
    app: FastAPI = request.app
    return get_swagger_ui_html(
        openapi_url=str(app.openapi_url),
        title=app.title,
        swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS}/favicon.png",
        # Somebody else's service would be told the address of the description.
        swagger_ui_parameters={"validatorUrl": None},
    )
