package prometheus

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// Each field of Stats has one metric, and each metric a field.
func TestMetricsAreTheFieldsOfStats(t *testing.T) {
	var stats dsrudp.Stats
	fields := reflect.ValueOf(&stats).Elem()
	read := make(map[string]int)
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Name
		fields.SetZero()
		if f := fields.Field(i); f.CanUint() {
			f.SetUint(1)
		} else {
			f.SetInt(1)
		}
		for _, m := range metrics {
			if m.value(&stats) == 1 {
				read[name]++
			}
		}
		require.Equal(t, 1, read[name], "metrics of the field %s", name)
	}
	require.Len(t, metrics, fields.NumField())
}
