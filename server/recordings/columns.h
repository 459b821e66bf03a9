#pragma once
/* Columns of recording-get.sql, in its order; those of recording-list.sql and recording-link-find.sql. Of each person a row. */
typedef enum TbRecColumn {
        TB_REC_COL_ID,
        TB_REC_COL_CALL,
        TB_REC_COL_STATUS,
        TB_REC_COL_STARTED_BY,
        TB_REC_COL_STOPPED_BY,
        TB_REC_COL_METHOD,
        TB_REC_COL_REASON,
        TB_REC_COL_CREATED,
        TB_REC_COL_STARTED,
        TB_REC_COL_STOPPED,
        TB_REC_COL_COMPLETED,
        TB_REC_COL_EXPIRES,
        TB_REC_COL_VIEWS,
        TB_REC_COL_VIEWED,
        TB_REC_COL_VIEWED_BY,
        TB_REC_COL_KEY_ID,
        TB_REC_COL_WRAPPED,
        TB_REC_COL_BYTES,
        TB_REC_COL_MAY,
        TB_REC_COL_P_USER,
        TB_REC_COL_P_ANSWER,
        TB_REC_COL_P_METHOD,
        TB_REC_COL_P_SAID_BY,
        TB_REC_COL_P_ANSWERED
} TbRecColumn;
