from django.http import HttpRequest, HttpResponse
from django.urls import path

from bench.floor.views import RowView


def alive(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("alive")


urlpatterns = [path("create", RowView.as_view()), path("alive", alive)]
