package worker

// What discovery says of a worker and its endpoints beyond micro's own fields,
// for those who read it: `seqd top`, `seqd doctor`.
const (
	MetadataState       = "state"  // a State; of the worker and of each endpoint
	MetadataRoot        = "root"   // of the worker
	MetadataHost        = "host"   // that the worker runs on
	MetadataReason      = "reason" // what NATS said to an endpoint that is denied
	MetadataDefaultMode = "default_mode"
	MetadataModes       = "modes"
	MetadataMaxCount    = "max_count"
	MetadataFloors      = "floors"      // as Store says them
	MetadataSegments    = "segments"    // how weak ids are reserved
	MetadataIncarnation = "incarnation" // names the counters for good; left out while it is not known
)

// EndpointData is what an endpoint's statistics hold beyond micro's.
type EndpointData = endpointData

// EndpointAny is the name of the endpoint that stands for every store that has
// none of its own: an asterisk is not allowed there.
const EndpointAny = "any"

// Ping settings of a worker's connection: it is given up, and opened anew, when
// that many pings in a row had no answer.
const (
	PingInterval = pingInterval
	MaxPingsOut  = maxPingsOut
)

// named is a Counter that knows which counters it keeps: two that say the same
// can't issue one id twice.
type named interface {
	// Incarnation returns the counters' name, "" while it is not known.
	Incarnation() string
}

// incarnation returns the name of the counters that the store's ids come from,
// "" if it is not known.
func (b *backend) incarnation() string {
	if n, ok := b.Counter.(named); ok {
		return n.Incarnation()
	}
	return ""
}

// PeerSubject returns what the worker with that id hears other workers'
// advances on, followed by store and key.
func PeerSubject(id string) string { return peerSubject(id) }
