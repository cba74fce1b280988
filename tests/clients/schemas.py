# Validates documents against the schemas in a folder: FOLDER DOCUMENTS, a JSON list of [schema's name, what was run,
# document]. A field that a schema does not have is an error here, although readers accept it.
import json
import pathlib
import sys

from jsonschema import Draft202012Validator, FormatChecker

folder, documents = pathlib.Path(sys.argv[1]), json.load(open(sys.argv[2]))


def close(schema, is_part=False):
    """Refuses fields that are not listed. The parts of an object do not know each other's fields."""
    if isinstance(schema, list):
        for item in schema:
            close(item, is_part)
    if not isinstance(schema, dict):
        return
    if "properties" in schema and not is_part:
        schema["unevaluatedProperties"] = False
    for key, below in schema.items():
        if key in ("properties", "$defs"):
            for item in below.values():
                close(item)
        else:
            close(below, key in ("anyOf", "oneOf", "allOf") and "properties" in schema)


validators = {}
for path in folder.glob("*.schema.json"):
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    close(schema)
    validators[path.name.removesuffix(".schema.json")] = Draft202012Validator(schema, format_checker=FormatChecker())

wrong = 0
for name, run, document in documents:
    for error in validators[name].iter_errors(document):
        wrong += 1
        print(f"{run}: {error.message[:2000]}")
        for below in error.context or []:
            print(f"    {list(below.absolute_path)}: {below.message[:500]}")
sys.exit(1 if wrong else 0)
