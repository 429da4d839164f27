"""A real S3 API for the tests: moto's server in a process of its own, on loopback, which checks keys and signatures.

One server serves a whole test session, all of its workers; each worker has a bucket of its own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from tests.servers import free_port, of_all


class ObjectStore(NamedTuple):
    """A running server, and a key that may do everything."""

    endpoint: str
    key: str
    secret: str
    process: int

    def client(self) -> Any:
        """What everybody else speaks to S3 with."""
        import boto3

        keys = {"aws_access_key_id": self.key, "aws_secret_access_key": self.secret}
        return boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1", **keys)


@contextmanager
def s3(shared: str) -> Iterator[ObjectStore]:
    """The server of a test session."""
    with of_all(shared, "s3", _start, _stop) as said:
        yield ObjectStore(*said)


def _start() -> ObjectStore:
    port = free_port()
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    env = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "3"}  # what `_keys` asks for
    silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(words, env=env, start_new_session=True, **silent)  # type: ignore[call-overload]
    endpoint = f"http://127.0.0.1:{port}"
    for _ in range(600):
        with suppress(OSError):
            urllib.request.urlopen(f"{endpoint}/moto-api/data.json", timeout=10).close()
            process.returncode = 0  # the last worker ends it, whoever that is: Python need not miss it
            return ObjectStore(endpoint, *_keys(endpoint), process.pid)
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(
        "moto's server does not start: pip install 'moto[s3]' flask flask-cors (they are in the extra dev)"
    )


def _keys(endpoint: str) -> tuple[str, str]:
    import boto3

    anybody = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    iam = boto3.client("iam", endpoint_url=endpoint, region_name="us-east-1", **anybody)
    iam.create_user(UserName="owner")
    made = iam.create_access_key(UserName="owner")["AccessKey"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="owner", PolicyName="all", PolicyDocument=json.dumps(allowed))
    return made["AccessKeyId"], made["SecretAccessKey"]


def _stop(said: Sequence[Any]) -> None:
    with suppress(OSError):
        os.kill(ObjectStore(*said).process, signal.SIGTERM)
