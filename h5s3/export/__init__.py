"""Values into files of other formats: streamed box by box, exact or refused. Nothing here prints."""
