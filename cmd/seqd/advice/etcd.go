package advice

// aboutEtcd returns what to try about an error of etcd, or of its counters.
func aboutEtcd(error) string { return "" }
