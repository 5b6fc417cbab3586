"""Files in a bucket, against a simulated S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from circadia.clients.buckets import Bucket
from circadia.errors import Invalid, Misconfigured, UpstreamDown


@pytest.fixture
def _simulated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")
    with mock_aws():
        boto3.client("s3").create_bucket(
            Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        yield


@pytest.mark.usefixtures("_simulated")
def test_files_come_back_and_only_those_right_below_the_prefix_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 40_000)  # more than one part of an upload
    place = Bucket("s3://kept/mine/here/")
    place.put(file, "one")
    place.put(file, "two")
    Bucket("s3://kept/mine/here/deeper").put(file, "three")
    Bucket("s3://kept").put(file, "four")
    assert sorted(place.names()) == ["one", "two"]
    assert Bucket("s3://kept").names() == ["four"]
    with place.open("one") as read:
        assert read.read() == file.read_bytes()
    place.remove("one")
    assert place.names() == ["two"]


@pytest.mark.usefixtures("_simulated")
def test_what_the_server_refuses_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    elsewhere = Bucket("s3://nobodys/mine")
    with pytest.raises(Misconfigured, match="NoSuchBucket"):
        elsewhere.names()
    with pytest.raises(Misconfigured, match="NoSuchBucket"):
        elsewhere.put(tmp_path / "file", "one")
    with pytest.raises(Misconfigured, match="404"), Bucket("s3://kept/mine").open("nothing"):
        pass


def test_a_server_that_is_away_and_missing_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_CONFIG_FILE": "nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "nowhere",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(Misconfigured, match="credentials"):
        Bucket("s3://kept").names()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(UpstreamDown, match="does not answer"):
        Bucket("s3://kept").names()


@pytest.mark.parametrize("url", ["s3://", "s3:/kept", "s3:kept", "http://kept/mine", "s3://kept/mine?x=1"])
def test_what_is_no_place_in_a_bucket(url: str) -> None:
    with pytest.raises(Invalid, match="s3://bucket/prefix"):
        Bucket(url)
