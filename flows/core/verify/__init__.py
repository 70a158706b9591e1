"""Does the disk hold what was promised, may this user have it imported, and is it visibly whole."""
