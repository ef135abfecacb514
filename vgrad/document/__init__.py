"""YAML documents whose every value knows its place: reader, writer, overrides."""
