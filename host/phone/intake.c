#include "host/phone/intake.h"

#include "lib/limits.h"

void tb_intake_init(TbIntake *intake)
{
        *intake = (TbIntake){.seqs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free)};
}

void tb_intake_clear(TbIntake *intake)
{
        g_hash_table_unref(intake->seqs);
}

void tb_intake_begin(TbIntake *intake)
{
        g_hash_table_remove_all(intake->seqs);
        intake->events = 0;
}

bool tb_intake_hears(TbIntake *intake, gint64 now_us)
{
        return tb_bucket_take(&intake->messages, TB_LIMIT_PHONE_MESSAGES_PER_S,
                              2 * TB_LIMIT_PHONE_MESSAGES_PER_S, 1, now_us, NULL);
}

static bool takes_values(TbIntake *intake, const TbSaid *said)
{
        gint64 *newest = g_hash_table_lookup(intake->seqs, said->series);
        if (!newest) {
                if (g_hash_table_size(intake->seqs) >= TB_LIMIT_PHONE_STREAMS)
                        return false;
                g_hash_table_insert(intake->seqs, g_strdup(said->series), newest = g_new0(gint64, 1));
        } else if (said->seq && said->seq <= *newest) {
                return false;
        }
        *newest = said->seq;
        return true;
}

bool tb_intake_takes(TbIntake *intake, const TbSaid *said, gint64 now_us)
{
        if (said->type == TB_SAID_VALUES_OF)
                return takes_values(intake, said);
        if ((said->type != TB_SAID_EVENT && said->type != TB_SAID_SWITCH) ||
            (said->seq && said->seq <= intake->events) ||
            !tb_bucket_take(&intake->told, TB_LIMIT_PHONE_EVENTS_PER_S, 3 * TB_LIMIT_PHONE_EVENTS_PER_S, 1,
                            now_us, NULL))
                return false;
        intake->events = MAX(intake->events, said->seq);
        return true;
}
