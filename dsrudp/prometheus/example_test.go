package prometheus_test

import (
	"log"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dsrudp/go-dsrudp/dsrudp"
	dsrudpprometheus "github.com/dsrudp/go-dsrudp/dsrudp/prometheus"
)

func ExampleNewCollector() {
	conn, err := dsrudp.ListenPacket("udp", ":53")
	if err != nil {
		log.Fatal(err)
	}
	prometheus.MustRegister(dsrudpprometheus.NewCollector(conn))
	http.Handle("/metrics", promhttp.Handler())
	log.Fatal(http.ListenAndServe("localhost:2112", nil))
}
