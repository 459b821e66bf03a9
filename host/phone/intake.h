#pragma once
/*
 * What of a phone's messages is taken: at most so many a second (TB_LIMIT_PHONE_MESSAGES_PER_S, of these TB_LIMIT_PHONE_EVENTS_PER_S
 * events), of TB_LIMIT_PHONE_STREAMS series at most, and of each the newer alone: what comes late, or again for want of a channel that loses
 * nothing, is left out. Times are given by the caller: pure.
 */
#include <glib.h>
#include <stdbool.h>

#include "host/phone/said.h"
#include "lib/rate.h"

typedef struct TbIntake {
        TbBucket messages, told; /* all of it; events alone */
        GHashTable *seqs;        /* series, owned -> its newest seq */
        gint64 events;           /* number of the newest event */
} TbIntake;

void tb_intake_init(TbIntake *intake);
void tb_intake_clear(TbIntake *intake);
void tb_intake_begin(TbIntake *intake);                /* another page: its numbers begin anew */
bool tb_intake_hears(TbIntake *intake, gint64 now_us); /* one message more, whatever it is */
bool tb_intake_takes(TbIntake *intake, const TbSaid *said, gint64 now_us); /* VALUES_OF, EVENT, SWITCH */
