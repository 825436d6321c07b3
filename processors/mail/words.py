"""What mails say, in the languages that people choose: a sentence for each reason, and the lines around it (E5)."""

from collections.abc import Mapping

from domain.inbox.preferences import Kind, Language

# Of a mail about one thing, and of each line of a digest. {doer} is who did it.
REASONS: Mapping[Language, Mapping[Kind, str]] = {
    "en": {
        Kind.ESCALATED: "Ticket {number} was escalated to you.",
        Kind.OVERDUE: "Ticket {number} is overdue.",
        Kind.REMINDER: "A reminder: ticket {number} needs attention.",
        Kind.URGED: "{doer} asks for haste with ticket {number}.",
        Kind.MENTIONED: "{doer} mentioned you on ticket {number}.",
        Kind.ASSIGNED: "Ticket {number} is yours now.",
        Kind.APPROVAL: "Ticket {number}: an approval waits for you, or was answered.",
        Kind.NEW_TICKET: "Ticket {number} is there to be taken.",
        Kind.WEBHOOK_PAUSED: "The webhook «{doer}» is paused: its endpoint is gone, or took nothing for days.",
        Kind.RULE: "A notice about ticket {number}.",
        Kind.CUSTOMER_REPLIED: "The customer replied on ticket {number}.",
        Kind.STATUS_CHANGED: "{doer} moved ticket {number} to «{status}».",
        Kind.FOLLOWED: "{doer} changed ticket {number}, which you follow.",
    },
    "zh-CN": {
        Kind.ESCALATED: "工单 {number} 已升级给您。",
        Kind.OVERDUE: "工单 {number} 已超时。",
        Kind.REMINDER: "提醒:工单 {number} 需要处理。",
        Kind.URGED: "{doer} 催办工单 {number}。",
        Kind.MENTIONED: "{doer} 在工单 {number} 中提到了您。",
        Kind.ASSIGNED: "工单 {number} 现在由您处理。",
        Kind.APPROVAL: "工单 {number}:有审批等待您处理,或已有结果。",
        Kind.NEW_TICKET: "工单 {number} 等待领取。",
        Kind.WEBHOOK_PAUSED: "Webhook「{doer}」已暂停:其地址已失效,或数日未能接收。",
        Kind.RULE: "关于工单 {number} 的通知。",
        Kind.CUSTOMER_REPLIED: "客户回复了工单 {number}。",
        Kind.STATUS_CHANGED: "{doer} 将工单 {number} 转为「{status}」。",
        Kind.FOLLOWED: "您关注的工单 {number} 由 {doer} 更新。",
    },
}
FACTS: Mapping[Language, str] = {
    "en": "{title}\nStatus: {status} · Priority: {priority} · Handler: {assignee}",
    "zh-CN": "{title}\n状态:{status} · 优先级:{priority} · 处理人:{assignee}",
}
DIGEST_SUBJECT: Mapping[Language, str] = {"en": "[{desk}] {count} notifications", "zh-CN": "[{desk}] {count} 条通知"}
MORE: Mapping[Language, str] = {"en": "… and {count} more in your inbox.", "zh-CN": "……另有 {count} 条,请查看收件箱。"}
FOOTER: Mapping[Language, str] = {
    "en": "You decide what you are told, and how, in your notification preferences.",
    "zh-CN": "您可以在通知设置中选择接收哪些通知以及接收方式。",
}
SOMEBODY: Mapping[Language, str] = {"en": "The desk", "zh-CN": "系统"}
NOBODY: Mapping[Language, str] = {"en": "nobody", "zh-CN": "无"}
