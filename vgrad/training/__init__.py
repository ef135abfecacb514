"""From a config to epoch records: assembly, initial parameters, the descent, what is measured."""
