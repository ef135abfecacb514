"""Files and directories: how they are read and how they are written."""

from vgrad.storage.outputs import is_stdout, write_output
from vgrad.storage.writing import (
    Stream,
    folder_for,
    make_folder,
    new_folder,
    own_folder,
    refuse_link,
    remove_abandoned,
    remove_leftovers,
    rename,
    storage_errors,
    streaming,
    sync_folder,
    write_file,
    write_new,
)

__all__ = [
    "Stream",
    "folder_for",
    "is_stdout",
    "make_folder",
    "new_folder",
    "own_folder",
    "refuse_link",
    "remove_abandoned",
    "remove_leftovers",
    "rename",
    "storage_errors",
    "streaming",
    "sync_folder",
    "write_file",
    "write_new",
    "write_output",
]
