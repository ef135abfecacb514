"""The version of vgrad, said once."""

VERSION = "0.1.0"
