// Package beijing has the zone that Alipay writes its times in, and in which people read them here.
package beijing

import "time"

// Zone has no daylight saving time, and needs no time zone database.
var Zone = time.FixedZone("UTC+8", 8*60*60)
