"""Models at addresses: http(s)://, s3://, gs:// and hf://, read by ranges through fsspec."""

from onnxguard.sources.remote.access import DEFAULT_ACCESS, Access
from onnxguard.sources.remote.addresses import check_address, is_remote, shown
from onnxguard.sources.remote.ranges import RemoteBytes

__all__ = ["DEFAULT_ACCESS", "Access", "RemoteBytes", "check_address", "is_remote", "shown"]
