package advice

// aboutNATS returns what to try about an error of the connection to NATS.
func aboutNATS(error) string { return "" }
