"""What can be wrong with a file, or with where it is kept."""

from domain.errors import LedgerdeskError, Refusal


class AttachmentTooLarge(Refusal):
    """The file is larger than this desk takes."""

    code = "attachment_too_large"
    status = 413
    sentence = "A file may have {limit} bytes at most. Send a smaller one, or a link to where it lies."


class FileTypeRefused(Refusal):
    """Files of that extension or media type are not taken."""

    code = "file_type_refused"
    status = 415
    sentence = "This desk does not take files of this type. Send it in another form, or ask an admin."


class TooManyFiles(Refusal):
    """More files than one change may bring."""

    code = "too_many_files"
    status = 422
    sentence = "At most {most} files at once. Attach the others with a second message."


class UploadInvalid(Refusal):
    """The upload is another person's, expired or damaged."""

    code = "upload_invalid"
    status = 422
    sentence = (
        "This upload cannot be used: it is older than a day, not yours, or not whole. "
        "Upload the file again and use the `upload` that is answered."
    )


class UploadInterrupted(Refusal):
    """The sender went away before the file was whole; nothing is kept."""

    code = "upload_interrupted"
    status = 400
    sentence = "The file did not arrive whole, and nothing of it was kept. Upload it again."


class FileDamaged(LedgerdeskError):
    """The stored bytes are missing, cut short or changed."""

    code = "file_damaged"
    # Not 500, of which nobody is told more than that it is our fault.
    status = 502
    sentence = "The stored file is missing or was changed, so it cannot be given out. Ask the operator to restore it from a backup."


class FileStorageFull(LedgerdeskError):
    """No room is left for files; nothing of this one is kept."""

    code = "file_storage_full"
    status = 503
    sentence = "There is no room left for files, so this one was not kept. Try again once the operator has made room."


class FileStoreUnavailable(LedgerdeskError):
    """The place where files are kept cannot be reached, or does not let us in."""

    code = "file_store_unavailable"
    status = 503
    sentence = "The store for files cannot be used at the moment. Try again soon; everything else goes on."
