"""The bundled students: small networks whose graphs this toolkit gates.

>>> from onnxguard.students import STUDENTS
>>> STUDENTS["saliency-v2"].parameters
123721
"""

from __future__ import annotations

from onnxguard.students.student import STUDENTS, Student, find_student

__all__ = ["STUDENTS", "Student", "find_student"]
