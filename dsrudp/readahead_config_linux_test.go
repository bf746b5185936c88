package dsrudp_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dsrudp/go-dsrudp/dsrudp"
)

// TestReadAheadConfig: what ReadAhead may be, alone and beside others.
func TestReadAheadConfig(t *testing.T) {
	for name, tc := range map[string]struct {
		lc   dsrudp.ListenConfig
		says string // "" if it is good
	}{
		"none":                  {dsrudp.ListenConfig{ReadAhead: 0}, ""},
		"one":                   {dsrudp.ListenConfig{ReadAhead: 1}, ""},
		"the most":              {dsrudp.ListenConfig{ReadAhead: 32}, ""},
		"too many":              {dsrudp.ListenConfig{ReadAhead: 33}, "ReadAhead is 33; 0 to 32"},
		"negative":              {dsrudp.ListenConfig{ReadAhead: -1}, "ReadAhead is -1; 0 to 32"},
		"too many, holding":     {dsrudp.ListenConfig{ReadAhead: 33, CoalesceWrites: true}, "ReadAhead is 33"},
		"negative, holding":     {dsrudp.ListenConfig{ReadAhead: -1, CoalesceWrites: true}, "ReadAhead is -1"},
		"one, holding":          {dsrudp.ListenConfig{ReadAhead: 1, CoalesceWrites: true}, "CoalesceWrites needs a ReadAhead above 1"},
		"two, holding":          {dsrudp.ListenConfig{ReadAhead: 2, CoalesceWrites: true}, ""},
		"GRO beside two":        {dsrudp.ListenConfig{ReadAhead: 2, GRO: true}, "choose"},
		"GRO beside too many":   {dsrudp.ListenConfig{ReadAhead: 33, GRO: true}, "choose"},
		"GRO beside held ones":  {dsrudp.ListenConfig{CoalesceWrites: true, GRO: true}, "choose"},
		"GRO beside a negative": {dsrudp.ListenConfig{ReadAhead: -1, GRO: true}, "ReadAhead is -1"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{1, 2} {
				cs, err := tc.lc.ListenN(t.Context(), "udp", "127.0.0.1:0", n)
				for _, c := range cs {
					require.NoError(t, c.Close())
				}
				if tc.says == "" {
					require.NoError(t, err)
					require.Len(t, cs, n)
					continue
				}
				require.ErrorContains(t, err, tc.says)
				var op *net.OpError
				require.ErrorAs(t, err, &op)
				require.Equal(t, "listen", op.Op)
				require.Nil(t, cs)
			}
		})
	}
}
