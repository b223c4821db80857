"""JUnit XML as Ruff writes it: a suite for each file, a failed case for each finding, one that passes for none."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as xml

from oaimigrate.reporters import Report, relative_path

# What XML 1.0 cannot hold, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    total = str(len(report.diagnostics))
    root = xml.Element("testsuites", name="oaimigrate", tests=total, failures=total, errors="0")
    for result, source in report.sources():
        if not result.diagnostics:
            continue
        path, number = _legal(relative_path(result.path)), str(len(result.diagnostics))
        suite = _suite(root, path, number)
        for diagnostic in result.diagnostics:
            row, column = source.file_position(diagnostic.span.start)
            name = f"org.oaimigrate.{diagnostic.code}"
            case = xml.SubElement(
                suite, "testcase", name=name, classname=os.path.splitext(path)[0], line=str(row), column=str(column)
            )
            message = _legal(diagnostic.message)
            failure = xml.SubElement(case, "failure", message=message)
            failure.text = f"line {row}, col {column}, {message}"
    if not report.diagnostics:
        suite = _suite(root, "oaimigrate", "0")
        suite.set("tests", "1")
        root.set("tests", "1")
        xml.SubElement(suite, "testcase", name="No errors found", classname="oaimigrate")
    xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(root, encoding="unicode") + "\n"


def _suite(root: xml.Element, name: str, failures: str) -> xml.Element:
    facts = {"name": name, "package": "org.oaimigrate"}
    facts |= {"tests": failures, "disabled": "0", "errors": "0", "failures": failures}
    return xml.SubElement(root, "testsuite", facts)


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
