"""Files and directories: how they are read and how they are written."""

from vgrad.storage.writing import (
    Stream,
    folder_for,
    make_folder,
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
    "make_folder",
    "remove_abandoned",
    "remove_leftovers",
    "rename",
    "storage_errors",
    "streaming",
    "sync_folder",
    "write_file",
    "write_new",
]
