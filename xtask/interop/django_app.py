"""A Django project with django-mcp-server: django_app.py PORT [stateless]"""

import sys

import django
from django.conf import settings

port, *options = sys.argv[1:]
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    SECRET_KEY="interop",
    DEBUG=True,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "mcp_server"],
    # In memory, so that sessions end with the process.
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    ROOT_URLCONF=__name__,
    DJANGO_MCP_GLOBAL_SERVER_CONFIG={"name": "django", "stateless": "stateless" in options},
)
django.setup()

from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from mcp_server import mcp_server  # noqa: E402
from mcp_server.views import MCPServerStreamableHttpView  # noqa: E402


@mcp_server.tool()
def echo(message: str) -> str:
    """Returns its message."""
    return message


def sessions(_) -> HttpResponse:
    """Answers with the number of open sessions."""
    return HttpResponse(str(len(cache._cache)))


view = MCPServerStreamableHttpView.as_view(permission_classes=[], authentication_classes=[])
urlpatterns = [path("mcp", view), path("sessions", sessions)]
call_command("runserver", f"127.0.0.1:{port}", "--noreload")
