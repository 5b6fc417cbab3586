"""Files in a bucket that speaks S3: Amazon's, or another at AWS_ENDPOINT_URL.

Credentials, region and endpoint come from where Amazon's own tools take them: the environment, ~/.aws, the machine's
role. boto3 is optional: `pip install 'circadia[s3]'`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from circadia.errors import Invalid, Misconfigured, UpstreamDown


class Bucket:
    """The files below `s3://bucket/prefix`, by their names after the prefix."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment:
            raise Invalid(f"{url} is not a place in a bucket: write s3://bucket/prefix")
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        self._client = _client()

    @property
    def scratch(self) -> Path:
        """Where a file may be made before it is uploaded."""
        return Path(tempfile.gettempdir())

    def names(self) -> list[str]:
        """Every file right below the prefix."""
        with _asking():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"
            )
            return [each["Key"].removeprefix(self._prefix) for page in pages for each in page.get("Contents", ())]

    def put(self, file: Path, name: str) -> None:
        """Upload a file; it is there whole or not at all."""
        with _asking():
            self._client.upload_file(str(file), self._bucket, self._prefix + name)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Read a file, once it has been downloaded whole."""
        with tempfile.TemporaryFile() as file:
            with _asking():
                self._client.download_fileobj(self._bucket, self._prefix + name, file)
            file.seek(0)
            yield file

    def remove(self, name: str) -> None:
        """Delete a file."""
        with _asking():
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)


def _client() -> Any:
    try:
        import boto3
    except ModuleNotFoundError as error:
        raise Misconfigured("buckets need boto3", remedy="Install it: pip install 'circadia[s3]'.") from error
    with _asking():
        return boto3.client("s3")


@contextmanager
def _asking() -> Iterator[None]:
    """What boto3 raises, in our words."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
    from botocore.exceptions import ConnectionError as Unconnected

    try:
        yield
    except ClientError as error:
        raise _refused(error) from error
    except (Unconnected, HTTPClientError) as error:
        raise UpstreamDown("the bucket's server does not answer") from error
    except (BotoCoreError, Boto3Error) as error:
        if isinstance(error.__context__, ClientError):  # an upload wraps what the server said
            raise _refused(error.__context__) from error
        raise Misconfigured(f"the bucket cannot be used: {error}") from error


def _refused(error: Any) -> Misconfigured:
    code = error.response.get("Error", {}).get("Code", "unknown")
    return Misconfigured(
        f"the bucket's server refuses with {code}", remedy="Check its name, its region and the credentials."
    )
