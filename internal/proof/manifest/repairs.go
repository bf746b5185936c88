package main

var repairs = section{"The four usual repairs of a server that knows nothing of VIPs", []row{
	{"K10.1", "DNAT of the VIP to the host's address: one rule per VIP, and a client that uses one port for two of them shows up with another port.", []proof{
		"internal/lab/facts TestK10_1_DNAT",
	}},
	{"K10.2", "Stateless rewriting of addresses: a second VIP does not work, and what the host sends from its own address is rewritten too.", []proof{
		"internal/lab/facts TestK10_2_Mangle",
	}},
	{"K10.3", "Binding to the VIP: one socket per VIP, and whatever comes for another address is refused.", []proof{
		"internal/lab/facts TestK10_3_BindToVIP",
	}},
	{"K10.4", "Answering along the packet information, as this library does: all VIPs and the host's own address work.", []proof{
		"internal/lab/facts TestK10_4_ControlMessages",
	}},
}}
