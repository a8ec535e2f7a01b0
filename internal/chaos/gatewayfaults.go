package chaos

import (
	"math"
	"time"

	"fahuo/internal/alipay/alipaytest"
)

// gatewayFaults are both faces of everything that the gateway can do wrong, on a share of the calls. What
// ships later than the call timeout is not among them: nobody can guard against that.
func gatewayFaults(share float64, callTimeout time.Duration) (faults []alipaytest.Fault) {
	if share == 0 {
		return nil
	}
	for _, service := range []string{"ship", "query"} {
		var some []alipaytest.Fault
		var weights float64
		for _, kind := range alipaytest.Kinds() {
			if service == "query" && kind == alipaytest.WrongStatus {
				continue // a signed lie about the trade: whom else could one believe?
			}
			for _, when := range []alipaytest.Face{alipaytest.Before, alipaytest.After} {
				f := alipaytest.Fault{Service: service, Kind: kind, When: when, Times: -1, Chance: 1}
				switch kind { //nolint:exhaustive // the others need nothing more
				case alipaytest.ErrorCode:
					f.Code = map[alipaytest.Face]string{alipaytest.Before: "ILLEGAL_SIGN", alipaytest.After: "SOMETHING_NEW"}[when]
				case alipaytest.HugeBody:
					f.Chance = 0.1 // megabytes
				case alipaytest.SlowAnswer, alipaytest.Trickle, alipaytest.LateShip:
					f.Delay = callTimeout / 3
				}
				weights += f.Chance
				some = append(some, f)
			}
		}
		some = append(some, alipaytest.Fault{Service: service, Kind: alipaytest.ErrorCode, Code: "ILLEGAL_ARGUMENT", Times: -1, Chance: 1})
		weights++
		// Each is tried after the one before it did not strike, and all together are to strike so often.
		for i := range some {
			some[i].Chance *= -math.Log1p(-share) / weights
		}
		faults = append(faults, some...)
	}
	return faults
}
