"""Models at addresses: http(s)://, s3://, gs:// and hf://, read by ranges through fsspec."""

from onnxguard.remote.access import DEFAULT_ACCESS, Access
from onnxguard.remote.addresses import check_address, is_remote, shown
from onnxguard.remote.ranges import RemoteBytes

__all__ = ["DEFAULT_ACCESS", "Access", "RemoteBytes", "check_address", "is_remote", "shown"]
