#!/usr/bin/env bash
# Measure the students on a GPU: benchmarks/gpu.sh [OPTION...] quick|all|table|STEP..., --help for more.
# Installs from this folder alone, no network. PYTHON names an interpreter that has PyTorch.
set -euo pipefail

unset PYTHONSAFEPATH # this folder is one to import from
export ONNXGUARD_GPU_BEGAN=$EPOCHSECONDS PYTHONUNBUFFERED=1
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}

has_onnxguard() { # this checkout, not another
  "$python" -c 'import sys, onnxguard.students as s; sys.exit(not s.__file__.startswith(sys.argv[1]))' \
    "$PWD" 2>/dev/null
}

if ! has_onnxguard; then
  "$python" -m pip install --quiet --no-index --no-deps --no-build-isolation -e . >/dev/null 2>&1 || true
fi
if ! has_onnxguard; then
  # A read-only environment, or setuptools before 77: the same layout, of links.
  echo "pip cannot install this folder into $python: it is linked instead" >&2
  site=${TMPDIR:-/tmp}/onnxguard-gpu/site
  rm -rf "$site"
  mkdir -p "$site/onnxguard"
  ln -s "$PWD"/onnxguard/* "$PWD/students" "$PWD/allowlists" "$site/onnxguard/"
  ln -s "$PWD/benchmarks" "$site/"
  export PYTHONSAFEPATH=1 PYTHONPATH=$site${PYTHONPATH:+:$PYTHONPATH} # not this folder's own, in part
fi
exec "$python" -c 'import sys; from benchmarks.gpu import main; sys.exit(main())' "$@"
