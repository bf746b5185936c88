package main

// What only the race detector notices, or fails to notice.
var races = []breakage{
	{
		name: "race detector not told of a received payload",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"raceWrite(b[:m.n])",
			"raceWrite(b[:0])",
		}},
		by: []selection{raceTests(mmsg, "^TestRacesReported$/^received_payload$")},
	},
	{
		name: "race detector not told of received control data",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"raceWrite(oob[:oobn])",
			"raceWrite(oob[:0])",
		}},
		by: []selection{raceTests(mmsg, "^TestRacesReported$/^received_control_data$")},
	},
	{
		name: "race detector told of the whole receive buffer",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"raceWrite(b[:m.n])",
			"raceWrite(b)",
		}},
		by: []selection{raceTests(mmsg, "^TestRacesReported$/^behind_received_payload$")},
	},
	{
		name: "race detector told of the whole buffer for control data",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"raceWrite(oob[:oobn])",
			"raceWrite(oob)",
		}},
		by: []selection{raceTests(mmsg, "^TestRacesReported$/^behind_received_control_data$")},
	},
	{
		name: "race detector not told of a sent payload",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"raceRead(b)",
			"raceRead(b[:0])",
		}},
		by: []selection{raceTests(mmsg, "^TestRacesReported$/^sent_payload$")},
	},
	{
		name: "race detector not told of sent control data",
		edits: []edit{{
			"internal/mmsg/mmsg_linux.go",
			"raceRead(oob)",
			"raceRead(oob[:0])",
		}},
		by: []selection{raceTests(mmsg, "^TestRacesReported$/^sent_control_data$")},
	},
	{
		name: "race detector not told of a batch's received payloads",
		edits: []edit{{
			"internal/mmsg/race.go",
			"raceWrite(unsafe.Slice(v.Base, n))",
			"raceWrite(unsafe.Slice(v.Base, 0*n))",
		}},
		by: []selection{raceTests(mmsg, "^TestRacesReported$/^batch_received_payload$")},
	},
	{
		name: "race detector told of a batch's whole receive buffers",
		edits: []edit{{
			"internal/mmsg/race.go",
			"n := min(left, int(v.Len))",
			"n := int(v.Len)",
		}},
		by: []selection{raceTests(mmsg, "^TestRacesReported$/^batch_behind_received_payload$")},
	},
	{
		name: "race detector told of the first piece of a batch's received payload alone",
		edits: []edit{{
			"internal/mmsg/race.go",
			"left -= n",
			"left -= left",
		}},
		by: []selection{raceTests(mmsg, "^TestRacesReported$/^batch_received_pieces$")},
	},
	{
		name: "race detector not told of a batch's sent payloads",
		edits: []edit{{
			"internal/mmsg/race.go",
			"raceRead(unsafe.Slice(v.Base, int(v.Len)))",
			"raceRead(unsafe.Slice(v.Base, 0*int(v.Len)))",
		}},
		by: []selection{raceTests(mmsg, "^TestRacesReported$/^batch_sent_pieces$")},
	},
	{
		name: "race detector not told of a batch's sent control data",
		edits: []edit{{
			"internal/mmsg/race.go",
			"raceRead(unsafe.Slice(h.Control, int(h.Controllen)))",
			"raceRead(unsafe.Slice(h.Control, 0*int(h.Controllen)))",
		}},
		by: []selection{raceTests(mmsg, "^TestRacesReported$/^batch_sent_control_data$")},
	},
}
