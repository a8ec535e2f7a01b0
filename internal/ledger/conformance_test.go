package ledger_test

import (
	"path/filepath"
	"strings"
	"testing"

	"fahuo/internal/proctest"
)

// conformance is what every database has to do. A test that is not in this table does not run, which the
// linter reports.
var conformance = map[string]func(*testing.T){
	"ABeltThatIsNewIsLoaded":                    testABeltThatIsNewIsLoaded,
	"AbsenceIsTakenOutOfTheBudget":              testAbsenceIsTakenOutOfTheBudget,
	"ASlowLedgerIsNoAbsence":                    testASlowLedgerIsNoAbsence,
	"ASlowingThatEndsInAnAbsenceIsCreditedOnce": testASlowingThatEndsInAnAbsenceIsCreditedOnce,
	"AHoldWithinAnAbsenceIsCreditedOnce":        testAHoldWithinAnAbsenceIsCreditedOnce,
	"OneLiveBelt":                               testOneLiveBelt,
	"ABeltThatNoWorkerUsesIsReplaced":           testABeltThatNoWorkerUsesIsReplaced,
	"ABeltThatIsLeftMayBeReplacedAtOnce":        testABeltThatIsLeftMayBeReplacedAtOnce,
	"ABeltThatOthersUseStaysLive":               testABeltThatOthersUseStaysLive,
	"ABeltOfTheKilledLapses":                    testABeltOfTheKilledLapses,
	"ABeltIsRenewedByWhoseItIs":                 testABeltIsRenewedByWhoseItIs,
	"AbsenceCountsFromLeaving":                  testAbsenceCountsFromLeaving,
	"AcceptIsOncePerKey":                        testAcceptIsOncePerKey,
	"AcceptByManyAtOnceIsOncePerKey":            testAcceptByManyAtOnceIsOncePerKey,
	"AcceptStrictChangesNothing":                testAcceptStrictChangesNothing,
	"ATrialAnswersAsAcceptDoes":                 testATrialAnswersAsAcceptDoes,
	"AcceptOfManyKeepsTheirOrder":               testAcceptOfManyKeepsTheirOrder,
	"UrgentRaisesAQueuedShipment":               testUrgentRaisesAQueuedShipment,
	"ClosedWithoutACallIsAcceptedAnew":          testClosedWithoutACallIsAcceptedAnew,
	"AccountRefusalHoldsAndReleases":            testAccountRefusalHoldsAndReleases,
	"TenDeathsWithOneCodeHold":                  testTenDeathsWithOneCodeHold,
	"AReleaseHasTheRefusedGiveWay":              testAReleaseHasTheRefusedGiveWay,
	"ARefusedQueryHolds":                        testARefusedQueryHolds,
	"WhatIsNotThereIsNamed":                     testWhatIsNotThereIsNamed,
	"BudgetDoesNotCountHolds":                   testBudgetDoesNotCountHolds,
	"BeginTakesRowAndSlotTogether":              testBeginTakesRowAndSlotTogether,
	"BeginRefusals":                             testBeginRefusals,
	"AnOldVersionChangesNothing":                testAnOldVersionChangesNothing,
	"BeginByManyAtOnce":                         testBeginByManyAtOnce,
	"FinishOpensOneIntervalAfterTheAnchor":      testFinishOpensOneIntervalAfterTheAnchor,
	"FinishTwiceChangesNothing":                 testFinishTwiceChangesNothing,
	"WithoutAnAnswerNothingOpensBeforeTheFence": testWithoutAnAnswerNothingOpensBeforeTheFence,
	"NotSentGivesEverythingBack":                testNotSentGivesEverythingBack,
	"TakeOverAfterTheFence":                     testTakeOverAfterTheFence,
	"LateAnswers":                               testLateAnswers,
	"LateAnswerRaisesTheOpeningTime":            testLateAnswerRaisesTheOpeningTime,
	"ARaiseOutlastsWhoeverHasTheSlot":           testARaiseOutlastsWhoeverHasTheSlot,
	"TheLargerIntervalCounts":                   testTheLargerIntervalCounts,
	"ALateUnlistedCodeIsKept":                   testALateUnlistedCodeIsKept,
	"LateAnswerLeavesTheDeadDead":               testLateAnswerLeavesTheDeadDead,
	"SettleIsCompareAndSwap":                    testSettleIsCompareAndSwap,
	"HistoryOnlyMovesAlongArrows":               testHistoryOnlyMovesAlongArrows,
	"UnfedIsInTheOrderOfAcceptance":             testUnfedIsInTheOrderOfAcceptance,
	"FedIsByVersion":                            testFedIsByVersion,
	"EveryChangeThatNeedsTheBeltIsMarked":       testEveryChangeThatNeedsTheBeltIsMarked,
	"ADeadLettersTaskIsRememberedUntilItIsGone": testADeadLettersTaskIsRememberedUntilItIsGone,
	"AnOrphanComesBackUnderANewVersion":         testAnOrphanComesBackUnderANewVersion,
	"OnBeltAndPartners":                         testOnBeltAndPartners,
	"ATaskThatIsNoShipmentIsADeadLetter":        testATaskThatIsNoShipmentIsADeadLetter,
	"QueriesAndRemarksAreRecorded":              testQueriesAndRemarksAreRecorded,
	"CountsForMetrics":                          testCountsForMetrics,
	"ManyOpenANewLedgerAtOnce":                  testManyOpenANewLedgerAtOnce,
	"UnclearContextLeavesBothOrNone":            testUnclearContextLeavesBothOrNone,
	"CancelWhileItIsShipped":                    testCancelWhileItIsShipped,
	"CancelThatIsBrokenOff":                     testCancelThatIsBrokenOff,
	"CancelLeavesWhatWasCalled":                 testCancelLeavesWhatWasCalled,
	"ETACountsWhatIsAhead":                      testETACountsWhatIsAhead,
	"ETAOfWhatIsNotAcceptedYet":                 testETAOfWhatIsNotAcceptedYet,
	"ETAReckonsWithTheAnswers":                  testETAReckonsWithTheAnswers,
	"TenTroublesInARowSlowAnAccount":            testTenTroublesInARowSlowAnAccount,
	"ProbesOfASlowedAccount":                    testProbesOfASlowedAccount,
	"PruneForgetsOldCallsOfWhatIsSettled":       testPruneForgetsOldCallsOfWhatIsSettled,
	"WhatIsNeverAnsweredHasABudget":             testWhatIsNeverAnsweredHasABudget,
	"PausesAreInNoBudget":                       testPausesAreInNoBudget,
	"QueriesThatDoNotVerifyHold":                testQueriesThatDoNotVerifyHold,
	"ShipSuccessesThatDoNotVerifyOnlyTell":      testShipSuccessesThatDoNotVerifyOnlyTell,
	"ETAWhileTheBatchEnds":                      testETAWhileTheBatchEnds,
	"ActsAreCompareAndSwap":                     testActsAreCompareAndSwap,
	"OfTwoPeopleAtOnceOneActs":                  testOfTwoPeopleAtOnceOneActs,
	"WhatIsInTheWay":                            testWhatIsInTheWay,
	"MarkedShippedIsSettled":                    testMarkedShippedIsSettled,
	"SendAgainBeginsAnew":                       testSendAgainBeginsAnew,
	"DoubtAfterSendingAgain":                    testDoubtAfterSendingAgain,
	"CorrectionsStandInTheHistory":              testCorrectionsStandInTheHistory,
	"WrongCorrectionsAreRefused":                testWrongCorrectionsAreRefused,
	"ASettledDeadLettersTaskGoes":               testASettledDeadLettersTaskGoes,
	"ANoteTwiceIsOnce":                          testANoteTwiceIsOnce,
	"ANoteTwiceAtOnceIsOnce":                    testANoteTwiceAtOnceIsOnce,
	"OnlyOneOfManyHolds":                        testOnlyOneOfManyHolds,
	"CancelNoMoreThanWasShown":                  testCancelNoMoreThanWasShown,
	"APreviewThatIsBeingMade":                   testAPreviewThatIsBeingMade,
	"AnAnswerFromBeforeACall":                   testAnAnswerFromBeforeACall,
	"Assign":                                    testAssign,
	"PeoplesActsMoveAlongArrows":                testPeoplesActsMoveAlongArrows,
	"PreviewShowsWhatMatches":                   testPreviewShowsWhatMatches,
	"BulkLeavesAloneWhatHasChanged":             testBulkLeavesAloneWhatHasChanged,
	"BulkHeedsWhatComesInTheWay":                testBulkHeedsWhatComesInTheWay,
	"BulkKeepsCasesApart":                       testBulkKeepsCasesApart,
	"BulkOnlyWhatWasTicked":                     testBulkOnlyWhatWasTicked,
	"BulkGoesOnAfterAnInterruption":             testBulkGoesOnAfterAnInterruption,
	"TwoRunnersDoNothingTwice":                  testTwoRunnersDoNothingTwice,
	"UndoOfAClosing":                            testUndoOfAClosing,
	"OldPreviewsAreForgotten":                   testOldPreviewsAreForgotten,
	"OneQuestionIsOpenAtATime":                  testOneQuestionIsOpenAtATime,
	"AQuestionIsTakenByOneWorker":               testAQuestionIsTakenByOneWorker,
	"AForgottenQuestionIsTakenAgain":            testAForgottenQuestionIsTakenAgain,
	"AnAnswerIsKeptWithTheCase":                 testAnAnswerIsKeptWithTheCase,
	"Sessions":                                  testSessions,
	"WorkersSayThatTheyWork":                    testWorkersSayThatTheyWork,
	"Find":                                      testFind,
	"AnyTextMayBeAskedFor":                      testAnyTextMayBeAskedFor,
	"DeadLetterFilters":                         testDeadLetterFilters,
	"PagesVisitEveryRowOnce":                    testPagesVisitEveryRowOnce,
	"WindowsCoverEverythingOnce":                testWindowsCoverEverythingOnce,
	"BatchesAreCountedAsTheyAre":                testBatchesAreCountedAsTheyAre,
	"RejectedRowsAreCounted":                    testRejectedRowsAreCounted,
	"BatchesInPages":                            testBatchesInPages,
	"Standings":                                 testStandings,
	"MarksAndHours":                             testMarksAndHours,
	"TheAuditTrail":                             testTheAuditTrail,
	"EveryOutcomeIsAnEvent":                     testEveryOutcomeIsAnEvent,
	"WhatIsNotCommittedIsNotTold":               testWhatIsNotCommittedIsNotTold,
	"ActsOverManyAreTold":                       testActsOverManyAreTold,
	"AnEventHasTheSameIDInARestoredLedger":      testAnEventHasTheSameIDInARestoredLedger,
	"EventsArePulledOnceAndInOrder":             testEventsArePulledOnceAndInOrder,
	"PullersAtOnceSeeOneOrder":                  testPullersAtOnceSeeOneOrder,
	"CursorsAreTheLedgersOwn":                   testCursorsAreTheLedgersOwn,
	"CursorsFromBeforeARestoreAreRefused":       testCursorsFromBeforeARestoreAreRefused,
	"ABudgetThatBeginsInAPause":                 testABudgetThatBeginsInAPause,
	"ReleasingWhatIsNotHeldCreditsNothing":      testReleasingWhatIsNotHeldCreditsNothing,
	"WhoseEventsAnEndpointGets":                 testWhoseEventsAnEndpointGets,
	"AnEndpointThatNobodyAnnouncesIsWithdrawn":  testAnEndpointThatNobodyAnnouncesIsWithdrawn,
	"ADeliveryIsClaimedByOne":                   testADeliveryIsClaimedByOne,
	"ALostDeliveryIsClaimedAgain":               testALostDeliveryIsClaimedAgain,
	"AnAcknowledgementIsAFact":                  testAnAcknowledgementIsAFact,
	"OneShipmentsEventsWaitForEachOther":        testOneShipmentsEventsWaitForEachOther,
	"ADeliveryIsGivenUpAfterThreeDays":          testADeliveryIsGivenUpAfterThreeDays,
	"AReplayKeepsTheOrder":                      testAReplayKeepsTheOrder,
	"AReplayOutlastsWhatIsUnderWay":             testAReplayOutlastsWhatIsUnderWay,
	"AReplayKeepsTheID":                         testAReplayKeepsTheID,
	"ANoticeCountsOnce":                         testANoticeCountsOnce,
	"NoticesOnlyMoveForward":                    testNoticesOnlyMoveForward,
	"ANoticeOfAnUnknownTrade":                   testANoticeOfAnUnknownTrade,
	"ANoticeAboutACase":                         testANoticeAboutACase,
	"ANoticeTakesOutOfTheLine":                  testANoticeTakesOutOfTheLine,
	"ANoticeOvertakesTheAnswer":                 testANoticeOvertakesTheAnswer,
	"ANoticeAndTheFence":                        testANoticeAndTheFence,
	"NoListWalksThroughATable":                  testNoListWalksThroughATable,
	"InspectLooksAndMeasures":                   testInspectLooksAndMeasures,
	"TheLastCallWithAVerdict":                   testTheLastCallWithAVerdict,
}

func TestConformance(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			for name, test := range conformance {
				t.Run(name, test)
			}
		})
	}
}

// newURL is the address of a ledger that is not there yet, in the database that the test is for.
func newURL(t *testing.T) string {
	t.Helper()
	switch {
	case strings.HasPrefix(t.Name(), "TestConformance/postgres/"):
		// Here it is the machine that stands still in the middle of a transaction, and no process that was stopped there.
		return proctest.Postgres(t) + "&idle_in_transaction_session_timeout=120s&connect_timeout=60"
	case strings.HasPrefix(t.Name(), "TestConformance/sqlite/"):
		return "sqlite:" + filepath.Join(t.TempDir(), "fahuo.db")
	}
	t.Fatal("this test is not in the conformance table")
	return ""
}
