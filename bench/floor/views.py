"""One view: the key is looked up by its digest, one row is inserted, the row is shown."""

from __future__ import annotations

import hashlib

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bench.floor.models import Key, Row


class RowView(APIView):
    def post(self, request: Request) -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        key = Key.objects.filter(digest=hashlib.sha256(token.encode()).hexdigest()).first()
        if key is None:
            raise NotAuthenticated
        row = Row.objects.create(
            key=key, code=request.query_params["appCode"], name=request.query_params["version"]
        )
        shown = {"id": row.pk, "code": row.code, "name": row.name, "created_at": row.created_at}
        return Response(shown, status=201)
