"""What people write to a service desk: short stories in Chinese and English, with blanks to fill."""

from typing import NamedTuple


class Story(NamedTuple):
    """One kind of ticket: how it is told, asked about, noted on and solved."""

    language: str
    category: tuple[str, ...]
    team: str
    tags: tuple[str, ...]
    titles: tuple[str, ...]
    description: str
    question: str
    answer: str
    note: str
    solution: str


TEAMS = ("服务台 Service Desk", "网络 Network", "账号 Accounts", "硬件 Hardware", "应用 Applications")
DESK, NETWORK, ACCOUNTS, HARDWARE, APPLICATIONS = TEAMS

PLACES = {
    "zh": ("上海 3 楼", "北京办公室", "深圳实验室", "成都客服中心", "杭州仓库"),
    "en": ("Berlin, 2nd floor", "the Lyon warehouse", "the Dublin office", "Rotterdam, gate 4", "the Porto lab"),
}
BLANKS = {
    "device": ("HP M479", "ThinkPad T14", "MacBook Air", "Dell U2723", "Canon C3530", "Surface 9"),
    "app": ("SAP", "CRM", "Confluence", "Workday", "Teams", "Jira"),
    "count": ("2", "3", "5", "8", "14", "30"),
    "code": ("0x80070035", "ERR_CONN_RESET", "E-402", "AADSTS50076", "500", "1603"),
}

STORIES = (
    Story(
        "zh", ("硬件", "打印机"), HARDWARE, ("打印机",),
        ("{place}的打印机 {device} 卡纸", "打印机 {device} 打印出来有黑线"),
        "早上好，{place}的打印机 {device} 从今天早上开始就不能正常打印，已经重启过 {count} 次，还是不行。下午要打印合同，麻烦尽快处理。",
        "您好，面板上有没有显示错误代码？方便的话请拍一张照片。",
        "显示的是 {code}，纸盒里的纸是新放的。",
        "这台机器上个月换过定影器，备件库里还有一套。",
        "已更换搓纸轮并清洁硒鼓，测试打印 20 页正常。有问题请随时联系我们。",
    ),
    Story(
        "zh", ("账号", "密码"), ACCOUNTS, ("密码",),
        ("无法登录 {app}，提示密码错误", "{app} 账号被锁定"),
        "今天登录 {app} 的时候连续输错 {count} 次密码，现在提示账号已锁定，错误代码 {code}。请帮忙解锁。",
        "请问您的手机还能收到验证码吗？",
        "可以收到，但是输入之后还是同样的提示。",
        "审计日志里只看到同一台电脑的失败记录，没有异常登录。",
        "账号已解锁，并已发送重置链接，请在 24 小时内修改密码。",
    ),
    Story(
        "zh", ("网络", "VPN"), NETWORK, ("vpn", "远程办公"),
        ("在家连不上 VPN", "VPN 每隔几分钟就断开"),
        "最近一周在家办公，VPN 大约每 {count} 分钟断开一次，报错 {code}。换过手机热点，情况一样。公司里的同事说他们没有问题。",
        "请把客户端的版本号告诉我们，并确认是否使用了路由器的 IPv6。",
        "版本是 5.{count}，路由器默认开着 IPv6。",
        "网关日志显示 MTU 协商失败，和上次的案例相同。",
        "已为您的配置调整 MTU，请重新连接。观察两天没有再断开。",
    ),
    Story(
        "zh", ("应用", "报表"), APPLICATIONS, ("报表",),
        ("{app} 月报数据和上月对不上", "{app} 导出的报表是空的"),
        "财务部在核对月报时发现 {app} 导出的数据少了 {count} 行，筛选条件没有变。附件里是截图，请帮忙查一下原因，明天要交。",
        "请问是按自然月还是按结算周期导出的？",
        "按结算周期，和以前一样。",
        "怀疑是夜间同步任务失败造成的，已请数据组确认。",
        "同步任务已补跑，数据已核对一致，请重新导出。",
    ),
    Story(
        "zh", ("硬件", "电脑"), HARDWARE, ("新员工",),
        ("新员工入职需要 {count} 台 {device}", "申请更换 {device}"),
        "下周一有 {count} 位新同事在{place}入职，需要 {device}，并预装 {app}。名单稍后发给你们。",
        "请确认是否需要外接显示器和扩展坞。",
        "需要显示器，不需要扩展坞。",
        "库存够，{place}那边要提前一天寄出。",
        "设备已寄出，运单号已发到您的邮箱，入职当天会有同事协助开机。",
    ),
    Story(
        "zh", ("网络", "无线"), NETWORK, ("wifi",),
        ("{place}会议室的 Wi-Fi 很慢", "{place}无线网络连不上"),
        "{place}大会议室的无线网络很慢，视频会议一直卡，大约有 {count} 个人同时在用。其他楼层正常。",
        "请在会议室里测一下网速，把结果发给我们好吗？",
        "下载只有 {count} Mbps，上传几乎没有。",
        "该接入点的信道和隔壁公司重叠。",
        "已更换信道并增加一个接入点，目前速度恢复正常。",
    ),
    Story(
        "zh", ("应用", "权限"), ACCOUNTS, ("权限",),
        ("申请 {app} 的访问权限", "看不到 {app} 里的项目"),
        "我转岗到新的部门，需要 {app} 的只读权限，部门经理已经同意，邮件在附件里。",
        "请问需要访问哪几个项目？",
        "主要是客服相关的 {count} 个项目。",
        "经理的批准邮件已核实。",
        "权限已开通，重新登录之后生效。",
    ),
    Story(
        "en", ("硬件", "电脑"), HARDWARE, ("laptop",),
        ("{device} does not wake up from sleep", "Screen of my {device} flickers"),
        "Since the update on Monday my {device} does not wake up any more when I open it. I have to hold the power button, about {count} times a day. I am at {place} until Friday.",
        "Could you tell us whether it also happens while it is plugged in?",
        "Yes, plugged in as well. The docking station makes no difference.",
        "Known issue with firmware 1.{count}; the vendor has a fix.",
        "We have installed the new firmware over night. Please leave it on the network this evening and tell us if it comes back.",
    ),
    Story(
        "en", ("账号", "密码"), ACCOUNTS, ("password",),
        ("Cannot sign in to {app} ({code})", "Locked out of {app}"),
        "I changed my phone at the weekend and cannot approve the sign-in for {app} any more. It says {code}. I need it for a customer call at two.",
        "We can reset the second factor. Which number may we call you back on to make sure that it is you?",
        "The one in the directory is right.",
        "Identity confirmed by call-back to the number in the directory.",
        "The second factor is reset. You will be asked to set it up again at the next sign-in.",
    ),
    Story(
        "en", ("应用", "报表"), APPLICATIONS, ("outage",),
        ("{app} is very slow this morning", "{app} shows error {code} for the whole team"),
        "For about an hour every page in {app} takes half a minute, and some end with error {code}. It is the same for all {count} of us in {place}. We cannot close the month like this.",
        "Is it every page, or only those with many rows?",
        "Mostly the lists. Single records open after a while.",
        "Database host had a full disk; see the monitoring from 08:10.",
        "The disk has been extended and the slow queries are gone. Sorry for the trouble this morning.",
    ),
    Story(
        "en", ("网络", "VPN"), NETWORK, ("vpn",),
        ("VPN connects but nothing opens", "No VPN from {place}"),
        "The VPN says connected, but neither {app} nor the file server opens. I tried {count} networks, including my phone. A colleague beside me has no problem.",
        "Please send us what «ipconfig /all» prints while you are connected.",
        "Attached. I noticed that the DNS server is the one of my provider.",
        "Split DNS profile missing on this client, probably since the re-installation.",
        "We have pushed the profile again. Please disconnect once and connect again.",
    ),
    Story(
        "en", ("硬件", "打印机"), HARDWARE, ("printer",),
        ("Label printer in {place} prints blank labels", "{device}: jobs stay in the queue"),
        "The {device} takes the jobs, but nothing comes out, and {count} pallets are waiting for their labels. Switching it off and on did not help.",
        "Is the status light green or orange?",
        "Orange, blinking twice.",
        "Two blinks: ribbon sensor. Spare part is in locker 4.",
        "The ribbon sensor was replaced, and the queue is empty again.",
    ),
    Story(
        "en", ("应用", "权限"), ACCOUNTS, ("access",),
        ("Access to {app} for {count} new colleagues", "Please remove a leaver from {app}"),
        "Please give our {count} new colleagues in {place} the same access to {app} as the rest of the team has. Their manager is in copy.",
        "Do they need the finance module as well?",
        "No, reading is enough for now.",
        "Approved by the manager in the same thread.",
        "All of them can sign in now; the welcome mail is on its way.",
    ),
    Story(
        "en", ("网络", "无线"), NETWORK, ("wifi",),
        ("Scanners lose Wi-Fi in {place}", "Guest Wi-Fi page does not open"),
        "The hand scanners lose the network in the far corner of {place}, several times an hour, and people have to walk back to book. It began when the new racks were put up.",
        "Would tomorrow between 7 and 8 suit you for a measurement?",
        "Yes, come to gate {count}, somebody will be there.",
        "Signal is at -82 dBm behind the racks; needs another access point.",
        "An access point was mounted above the racks. All scanners stayed connected through the night shift.",
    ),
)  # fmt: skip

REQUESTERS = (
    "刘洋", "张敏", "孙丽", "周杰", "吴桐", "郑凯", "林小雨", "高翔", "Anna Schmidt", "Pierre Martin", "Olga Novak",
    "Liam O'Brien", "Emma Johansson", "Carlos Díaz", "Priya Nair", "Kenji Sato",
)  # fmt: skip
