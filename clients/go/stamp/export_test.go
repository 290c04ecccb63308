package stamp

// Covers is covers.
func Covers(stream, pattern string) bool { return covers(stream, pattern) }
