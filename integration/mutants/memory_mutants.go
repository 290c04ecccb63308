package main

const (
	placeFile     = "allocator/etcd/record/place.go"
	memoryFile    = "allocator/etcd/history/memory.go"
	elsewhereFile = "allocator/etcd/operate/takeover.go"
	checkFile     = "allocator/etcd/history/check.go"
	lookFile      = "allocator/etcd/history/look.go"
	writeFile     = "allocator/etcd/history/write.go"
	fenceFile     = "allocator/etcd/history/fence.go"
	stateFile     = "allocator/etcd/history/statefile.go"
)

// memories are the tests that may notice: those of the rooms, and those with a
// Counter.
var memories = []suite{
	{"./allocator/etcd/history", "."},
	{"./allocator/etcd/record", "."},
	{"./allocator/etcd", "Prefix|Elsewhere|Memory|Fence|LostRecord|Told|RaceFor|StateFile|SamePlace|Endpoints|Restored|Wiped"},
}

// memoryMutants break what names a place, and what is remembered of it.
var memoryMutants = []mutant{
	{
		name: "prefix kept as spelled", breaks: "U: workers told /seqd and /seqd/ issue the same ids",
		edits:  []edit{{placeFile, "	return parts, nil\n}\n\n// CanonicalEndpoints", "	return prefix, nil\n}\n\n// CanonicalEndpoints"}},
		suites: memories,
	},
	{
		name: "counters elsewhere not seen", breaks: "U after an upgrade: what was counted below /seqd/ begins at 1 below /seqd",
		edits:  []edit{{lookFile, `if f.other != "" && (f.rec == nil`, `if f.other == "/" && (f.rec == nil`}},
		suites: memories,
	},
	{
		name: "taken over without its mark", breaks: "U after an upgrade: the counter that is lower counts",
		edits:  []edit{{elsewhereFile, "last := later(there, here)", "last := there"}},
		suites: memories,
	},
	{
		name: "floor elsewhere forgotten", breaks: "U after an upgrade: a key that is new begins below the floor of the place that was taken over",
		edits:  []edit{{"allocator/etcd/operate/jump.go", "max(rec.Floor, other.Floor)", "rec.Floor"}},
		suites: memories,
	},
	{
		name: "serving while counters are moved", breaks: "U after an upgrade: a worker begins between the marks and the floor",
		edits:  []edit{{elsewhereFile, "		for _, one := range []*Admin{a, from} {", "		for _, one := range []*Admin{from} {"}},
		suites: memories,
	},
	{
		name: "memory by endpoints", breaks: "U after a restore: what is remembered is not found by a worker that spells the address in another way",
		edits: []edit{
			{memoryFile, "		if rec != nil && m.Lineage == rec.Lineage {", "		if rec != nil && m.Lineage == rec.Lineage && m.claims(here) {"},
			{placeFile, "	canonical, err := canonicalEndpoint(endpoint)\n	if err != nil {\n		return endpoint\n	}\n	if IsUnix(canonical) {", "	canonical, err := endpoint, error(nil)\n	if len(canonical) > 0 {\n		return endpoint\n	}\n	if IsUnix(canonical) {"},
		},
		suites: memories,
	},
	{
		name: "claim of a place ignored", breaks: "U after a wipe: an etcd without a record, or with another's, is taken for a new one",
		edits:  []edit{{memoryFile, "		case m.Lineage == own.Lineage || !m.claims(here):", "		case m.Lineage == own.Lineage || !m.claims(here) || rec == nil || m.Fenced == \"\":"}},
		suites: memories,
	},
	{
		name: "a restart lifts the fence", breaks: "U after a restore: a fence is not noted on the machine",
		edits:  []edit{{fenceFile, "	if p.Lineage != \"\" {\n		g.remember(p)", "	if p.Lineage == \"\" {\n		g.remember(p)"}},
		suites: memories,
	},
	{
		name: "fence noted in one folder only", breaks: "U after a restore: a worker with another --state-dir, or none, serves beside a fenced one",
		edits:  []edit{{memoryFile, `if m.fences != "" && p.Fenced != "" {`, `if m.fences != "" && p.Fenced == "" {`}},
		suites: memories,
	},
	{
		name: "fence looked for in one folder only", breaks: "U after a restore: the machine's own folder is not read",
		edits:  []edit{{memoryFile, "	all, unread := recallFrom(all, m.fences, true)", "	all, unread := recallFrom(all, \"\", true)"}},
		suites: memories,
	},
	{
		name: "lost record kept to oneself", breaks: "U after a wipe: a worker that remembers nothing makes a record and begins at 1",
		edits:  []edit{{writeFile, "	case f.rec == nil && !from.first:", "	case f.rec == nil && !from.first && from.past.Lineage == \"\":"}},
		suites: memories,
	},
	{
		name: "record made from a file", breaks: "a place's claim alone writes a fence into somebody's new etcd",
		edits:  []edit{{writeFile, "	case f.rec == nil && !from.first:", "	case f.rec == nil:"}},
		suites: memories,
	},
	{
		name: "told and forgotten", breaks: "U after a wipe: a worker that was told of a fence does not remember it",
		edits:  []edit{{checkFile, `if from.past.Lineage == "" && f.rec != nil {`, `if from.past.Lineage == "?" && f.rec != nil {`}},
		suites: memories,
	},
	{
		name: "older version's memory ignored", breaks: "U after a restore: an upgrade forgets what the machine knew",
		edits:  []edit{{stateFile, "		raw.Places = []record.Place{record.PlaceOf(raw.Prefix, raw.Endpoints)}\n", "		return remembered{}, nil\n"}},
		suites: memories,
	},
	{
		name: "the race is lost", breaks: "the first start: a worker that is second to make the record fails",
		edits:  []edit{{writeFile, "		return true, nil\n", "		return false, fmt.Errorf(\"%w: another worker has just written it\", allocator.ErrUnavailable)\n"}},
		suites: memories,
	},
	{
		name: "state file not synced", breaks: "U after a restore: a power loss leaves the machine with a file that is empty",
		edits:  []edit{{stateFile, "errors.Join(err, file.Sync(), file.Close())", "errors.Join(err, file.Close())"}},
		suites: memories,
	},
	{
		name: "state file's folder not synced", breaks: "U after a restore: a power loss undoes what was noted last",
		edits:  []edit{{stateFile, "	return syncFolder(filepath.Dir(path))", "	return nil"}},
		suites: memories,
	},
	{
		name: "way to the state folder not synced", breaks: "U after a restore: a power loss takes the folder that was made, and all that was noted in it",
		edits:  []edit{{stateFile, "		syncWayTo(dir)\n", ""}},
		suites: memories,
	},
	{
		name: "another's fence not synced", breaks: "U after a restore: a fence that a killed process wrote is believed to be durable",
		edits:  []edit{{stateFile, "		return syncFolder(dir) //", "		return nil //"}},
		suites: memories,
	},
}
