"""The word lists behind `words`, by script. Names of people and firms are combined at random and fictitious."""

from training.synth.fonts import Script

LATIN, CYRILLIC, CJK, ARABIC = Script.LATIN, Script.CYRILLIC, Script.CJK, Script.ARABIC
Lexicon = dict[Script, tuple[str, ...]]


def _list(text: str, separator: str = "|") -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(separator) if part.strip())


COMPANY_STEMS: Lexicon = {
    LATIN: _list(
        "Alpha|Northwind|Müller|Delta|Horizon|Sunrise|Orion|Atlas|Bergmann|Castello|Dupont & Fils|Evergreen|Falcon|"
        "Granite|Harbour|Imperial|Jensen|Kowalski|Lakshmi|Meridian|Nova|Oceanic|Pioneer|Quantum|Royal|"
        "Sterling|Titan|"
        "União|Vanguard|Westfield|Zenith|Brandt|Shree Ganesh|Bharat|Minh Phát|Hoàng Gia|Anadolu|Yıldız|São Jorge|"
        "Kárpát|Łódź|Nordsjø|Åkesson|El Dorado|Santa Fe|Crown|Blue River|Silver Oak|Golden Gate|Prime"
    ),
    CYRILLIC: _list(
        "Альфа|Вектор|Гарант|Звезда|Импульс|Компас|Лидер|Магистраль|Нева|Орион|Прогресс|Радуга|Север|Титан|Урал|"
        "Феникс|Центр|Эверест|Юпитер|Восток|Сибирь|Волга|Байкал|Кристалл|Монолит|Рассвет|Спектр|Технополис|Кубань"
    ),
    CJK: _list(
        "华|盛|鼎|金|天|宏|远|达|恒|信|瑞|泰|丰|永|兴|新|中|联|创|博|嘉|凯|亚|东|海|龙|凤|明|光|大|安|正|"
        "德|诚|友|佳|美|科|智"
    ),
    ARABIC: _list(
        "النور|الأمل|الخليج|الشرق|النجم|الفجر|الواحة|السلام|الريادة|الهلال|البركة|المستقبل|الصقر|الوفاء|الرشيد"
    ),
}
COMPANY_TRADES: Lexicon = {
    LATIN: _list(
        "Trading|Logistics|Engineering|Consulting|Bank|Insurance|Textiles|Pharma|Construction|Shipping|Electronics|"
        "Steel Works|Import Export|Holding|Motors|Energy|Foods|Medical Centre|College|Hospital|Enterprises|"
        "Industries|"
        "Spedition|Bau|Transporte|Comercio|Immobilier|Services|Chemie|Software|Technical University|Notary Office"
    ),
    CYRILLIC: _list(
        "строй|торг|сервис|транс|инвест|маш|пром|снаб|телеком|энерго|банк|мед|агро|лес|нефть|проект|монтаж|софт|групп"
    ),
    CJK: _list(
        "贸易|科技|银行|保险|建筑|物流|电子|医药|投资|实业|机械|化工|食品|纺织|信息技术|房地产|广告|教育|"
        "汽车销售|置业|服饰|材料"
    ),
    ARABIC: _list(
        "للتجارة|للمقاولات|للنقل|للاستثمار|الهندسية|الطبية|للتأمين|للتوريدات|الصناعية|للسياحة|العقارية|للبترول"
    ),
}
COMPANY_FORMS: Lexicon = {
    LATIN: _list(
        "Ltd.|GmbH|S.A.|Inc.|LLC|Pvt. Ltd.|Co.|AG|S.r.l.|Kft.|Sp. z o.o.|B.V.|A.Ş.|JSC|& Sons|e.V.|Ltda.|S.p.A.|OÜ|TNHH"
    ),
    CYRILLIC: _list(
        "ООО|ЗАО|ОАО|АО|ПАО|ИП|ТОО|ГУП|МУП|НПО|Общество с ограниченной ответственностью|Акционерное общество"
    ),
    CJK: _list("有限公司|股份有限公司|有限责任公司|集团有限公司|分公司|总公司|事务所|研究所|中心"),
    ARABIC: _list("شركة|مؤسسة|مجموعة|مكتب|مصنع|بنك|جمعية"),
}
FIRST_NAMES: Lexicon = {
    LATIN: _list(
        "Anna|Bernd|Carlos|Dorothée|Erik|Fatma|Giulia|Hans|Ines|Jean|Katarzyna|Laszlo|Maria|Nguyen|Olga|"
        "Peter|Quentin|"
        "Ravi|Sofia|Thomas|Ursula|Victor|Wolfgang|Xenia|Yusuf|Zoe|Michael|Sarah|David|Rajesh|Priya|Linh|José|Marta"
    ),
    CYRILLIC: _list("Александр|Борис|Виктор|Галина|Дмитрий|Елена|Иван|Лариса|Михаил|Наталья|Ольга|Пётр|Сергей|Юлия"),
    CJK: _list(
        "伟|芳|娜|敏|静|丽|强|磊|军|洋|勇|艳|杰|娟|涛|明|超|秀英|霞|平|刚|桂英|建国|志强|小红|文华|一郎|"
        "正雄|和子|美智子"
    ),
    ARABIC: _list("محمد|أحمد|علي|حسن|يوسف|إبراهيم|عمر|خالد|فاطمة|مريم|سعيد|عبدالله|ليلى|طارق"),
}
LAST_NAMES: Lexicon = {
    LATIN: _list(
        "Schmidt|Fischer|Weber|Garcia|Rossi|Nowak|Kovács|Svensson|Dubois|Lefèvre|Moreau|Smith|Jones|Patel|"
        "Sharma|Tran|"
        "Silva|Pereira|Yılmaz|Kaya|Novák|Horvat|Jansen|de Vries|O'Brien|MacLeod|Hansen|Virtanen|Kumar|"
        "Singh|Popescu|"
        "Bianchi|Hernández|Müller|Krüger|Brown|Taylor|Wilson|Andersson|Ivanova|Papadopoulos|Baumgartner|Lindqvist"
    ),
    CYRILLIC: _list(
        "Иванов|Смирнова|Кузнецов|Попова|Васильев|Петрова|Соколов|Михайлов|Новикова|Фёдоров|Морозов|Волков|"
        "Лебедева|"
        "Шевченко|Бондаренко|Кравцов|Зайцева|Щербаков|Цветков|Жуков"
    ),
    CJK: _list(
        "王|李|张|刘|陈|杨|赵|黄|周|吴|徐|孙|胡|朱|高|林|何|郭|马|罗|田中|山田|佐藤|小林|木村|加藤|吉田|"
        "山本|中村|井上|松本|"
        "清水|山口|石川|前田|森|池田|金|朴|崔|欧阳|司马|上官|诸葛"
    ),
    ARABIC: _list("العلي|الحسيني|المصري|الشامي|الخطيب|النجار|القاسم|السعدي|الحربي|الزهراني|المنصوري|حداد"),
}
CITIES: Lexicon = {
    LATIN: _list(
        "London|Berlin|Paris|Madrid|Roma|Wien|Warszawa|Budapest|Lisboa|Mumbai|New Delhi|Kolkata|Hà Nội|"
        "Istanbul|Ankara|"
        "Praha|Oslo|København|Zürich|Hamburg|München|Lyon|Marseille|Chicago|Boston|São Paulo|Lagos|Nairobi|"
        "Kaiserslautern"
    ),
    CYRILLIC: _list("Москва|Санкт-Петербург|Казань|Новосибирск|Самара|Омск|Київ|Минск|Алматы|София|Пермь|Уфа|Тверь"),
    CJK: _list(
        "北京市|上海市|广州市|深圳市|成都市|杭州市|南京市|武汉市|西安市|重庆市|天津|苏州|厦门|青岛|大连|长沙|东京|大阪"
    ),
    ARABIC: _list("القاهرة|دبي|الرياض|بيروت|عمان|بغداد|الدوحة|الكويت|تونس|الرباط|الجزائر|جدة"),
}
DEPARTMENTS: Lexicon = {
    LATIN: _list(
        "Accounts Department|Human Resources|Customs Office|Office of the Registrar|Purchasing|Quality "
        "Control|Archive|"
        "Legal Department|Service Technique|Direction Générale|Buchhaltung|Wareneingang|Personalabteilung|"
        "Sekretariat|"
        "Bureau des Études|Division Travaux|Municipal Council|Dept. of Physics|Central Store|Tax Office|Ward No. 7|"
        "Poststelle|Ufficio Tecnico|Secretaría General|Civil Registry|Laboratory|Dispatch|Export Control|"
        "Ủy Ban Nhân Dân|Phòng Giáo Dục|Sở Tài Chính|Văn Phòng Công Chứng|Trường Đại Học|Govt. of India|"
        "Sub-Registrar Office|District Court|State Bank, Main Branch|Panchayat Samiti|Passport Office|Mail Room|"
        "Mairie|Direction des Travaux|Standesamt|Finanzamt|Amtsgericht|Urząd Miasta|Polgármesteri Hivatal"
    ),
    CYRILLIC: _list(
        "Отдел кадров|Бухгалтерия|Канцелярия|Отдел снабжения|Администрация|Юридический отдел|Склад № 2|"
        "Архив|Приёмная|"
        "Отдел контроля|Лаборатория|Регистратура|Министерство образования|Городская больница"
    ),
    CJK: _list(
        "财务部|人事部|办公室|采购部|质检部|档案室|市场部|总务科|教务处|检验科|工程部|国家税务局|"
        "工商管理局|公安局|收发室"
    ),
    ARABIC: _list(
        "قسم المحاسبة|شؤون الموظفين|الإدارة العامة|قسم المشتريات|الأرشيف|وزارة الصحة|غرفة التجارة|مكتب التوثيق"
    ),
}
TITLES: Lexicon = {
    LATIN: _list(
        "Managing Director|Authorised Signatory|Principal|Chief Accountant|Secretary|Notary Public|"
        "Registrar|Head of Unit|"
        "Le Directeur Général|Le Chef de Service|Le Responsable Technique|Le Gérant|Geschäftsführer|Der Vorstand|"
        "Prokurist|Leiter Einkauf|Project Manager|Medical Officer|Treasurer|For and on behalf of|Partner|Ingénieur|"
        "Il Responsabile|El Administrador|Giám Đốc|Chairman|Asst. Commissioner|Professor and Head|Deputy Manager|"
        "Phó Giám Đốc|Kế Toán Trưởng|Hiệu Trưởng|Chủ Tịch|Sub-Registrar|Tahsildar|Executive Magistrate|Branch Manager|"
        "Advocate & Notary|Gazetted Officer|Le Maire|Le Trésorier|L'Ingénieur en Chef|La Directrice Adjointe|"
        "Der Bürgermeister|Sachbearbeiter|Abteilungsleiter|Controller|Judge|Head Master|Consul"
    ),
    CYRILLIC: _list(
        "Генеральный директор|Главный бухгалтер|Нотариус|Начальник отдела|Секретарь|Главный врач|Ректор|"
        "Инспектор|Заведующий"
    ),
    CJK: _list("总经理|财务主管|校长|主任|经办人|法定代表人|会计|出纳|审核|复核|记账|科长|代表"),
    ARABIC: _list("المدير العام|رئيس القسم|المحاسب|أمين السر|كاتب العدل|مدير المشروع|رئيس مجلس الإدارة"),
}
PURPOSES: Lexicon = {
    LATIN: _list(
        "FOR DOCUMENTS|OFFICIAL SEAL|CORPORATE SEAL|CERTIFIED|NOTARY PUBLIC|APPROVED|EXAMINED|CUSTOMS|"
        "EXPORT|REGISTERED|"
        "SEAL|FOR INVOICES|QUALITY OK|CONTROL|ACCOUNTS|STATE OF OHIO|MY COMMISSION EXPIRES|SIEGEL|"
        "DIENSTSIEGEL|CACHET"
    ),
    CYRILLIC: _list(
        "ДЛЯ ДОКУМЕНТОВ|ДЛЯ СПРАВОК|ДЛЯ СЧЕТОВ|ДЛЯ ПАКЕТОВ|ОТДЕЛ КАДРОВ|КАНЦЕЛЯРИЯ|ПРОВЕРЕНО|КОНТРОЛЬ|ДЛЯ РЕЦЕПТОВ"
    ),
    CJK: _list(
        "合同专用章|财务专用章|发票专用章|业务专用章|公章|报关专用章|人事专用章|检验专用章|现金收讫|转讫|"
        "受理专用章|投标专用章"
    ),
    ARABIC: _list("ختم رسمي|للمستندات|معتمد|الإدارة المالية|صورة طبق الأصل|التوثيق|المحاسبة"),
}
VERDICTS: Lexicon = {
    LATIN: _list(
        "PAID|RECEIVED|COPY|URGENT|APPROVED|CONFIDENTIAL|CANCELLED|ORIGINAL|DRAFT|VOID|REJECTED|CHECKED|"
        "ENTERED|POSTED|"
        "FILE COPY|FAXED|OVERDUE|FIRST CLASS|AIR MAIL|SAMPLE|BEZAHLT|EINGEGANGEN|KOPIE|EILT|ERLEDIGT|"
        "GEBUCHT|GEPRÜFT|"
        "PAYÉ|REÇU|COPIE CONFORME|ANNULÉ|PAGATO|RICEVUTO|PAGADO|RECIBIDO|PAGO|ZAPŁACONO|ĐÃ THU TIỀN|ÖDENDİ|"
        "SPECIMEN|"
        "PAR AVION|FRAGILE|FINAL|VERIFIED|SCANNED|DUPLICATE|NOT NEGOTIABLE|TRUE COPY|SECRET|COMPLETED|PAID IN FULL|"
        "CERTIFIED TRUE COPY|ATTESTED|ENTRY PASSED|INWARD|DESPATCHED|NOTED|CREDITED|EXAMINED|A/C PAYEE ONLY|"
        "SIGNATURE VERIFIED|CÔNG VĂN ĐẾN|SAO Y BẢN CHÍNH|WPŁYNĘŁO|ZA ZGODNOŚĆ|DOŠLO|INGEKOMEN|BETAALD|VISTO|"
        "CONTABILIZADO|BON POUR ACCORD|VALIDÉ|VU|CONFERE COM O ORIGINAL|GENEHMIGT|STORNIERT|ENTWURF|FILED|"
        "ACCOUNTS PAYABLE|FOR DEPOSIT ONLY|OFFICE COPY|RUSH|PRIORITY|REVISED|WITHDRAWN|PAST DUE|ACKNOWLEDGED"
    ),
    CYRILLIC: _list(
        "ОПЛАЧЕНО|КОПИЯ|КОПИЯ ВЕРНА|ПОЛУЧЕНО|СРОЧНО|УТВЕРЖДАЮ|ПОГАШЕНО|ПРИНЯТО|ОТКАЗАНО|ВЫДАНО|ПРОВЕРЕНО|"
        "АННУЛИРОВАНО|СЕКРЕТНО|ВЕРНО|ЗАРЕГИСТРИРОВАНО|ИСПОЛНЕНО|В ДЕЛО|ДУБЛИКАТ|ДОПУЩЕН|СОГЛАСОВАНО|ВХОДЯЩИЙ"
    ),
    CJK: _list(
        "已付款|作废|收讫|现金付讫|已审核|副本|正本|急件|机密|合格|同意|已验收|受付|样品|存档|核准|银行转讫|附件"
    ),
    ARABIC: _list("مدفوع|مستلم|صورة|عاجل|معتمد|ملغي|سري|مقبول|مرفوض|تم الدفع|أصل|نسخة"),
}
FIELDS: Lexicon = {
    LATIN: _list(
        "Date|No.|Sign.|Ref.|Amount|Initials|Datum|Visa|Konto|Page|Checked by|Received by|Entered by|Unterschrift|"
        "Signature|Inward No.|Folio|Approved|Cheque No.|Ngày|Số|Firma|Bearb."
    ),
    CYRILLIC: _list("Дата|№|Подпись|Вх. №|Сумма|Листов|Ф.И.О.|Принял"),
    CJK: _list("日期|编号|签字|金额|经办|审核|科目"),
    ARABIC: _list("التاريخ|الرقم|التوقيع|المبلغ"),
}
PRAISE: Lexicon = {
    LATIN: _list(
        "Well done!|Prima!|Super!|Great work|Weiter so!|Bravo!|Très bien|Good job!|Keep it up|Excellent|"
        "Das war toll!|"
        "Nicht aufgeben!|I am proud of you|Muy bien|Ganz toll!|Try again|Perfect!|Fantastic|Sehr gut|Gut "
        "gemacht!|Wow!|"
        "Thank you|Handmade|Merry Christmas|With love|Bonne année|Gelesen|Seen by teacher|Ottimo!|Fleißig!"
    ),
    CYRILLIC: _list("Молодец!|Отлично!|Умница!|Супер!|Хорошо!|Старайся!|Так держать!"),
    CJK: _list("很好|加油|真棒|优秀|好极了|太好了|阅|继续努力"),
    ARABIC: _list("ممتاز|أحسنت|رائع|جيد جدا|شكرا"),
}
HAN_SEAL_CHARACTERS = _list(
    "福|寿|喜|龙|爱|和|忍|道|心|梦|功夫|平安|吉祥|武|力|美|春|山水|花|月|光|真|禅|友|虎|家|信|静|如意|清心"
)
STREETS: Lexicon = {
    LATIN: _list(
        "Main Street|High Street|Hauptstraße|Bahnhofstr.|Rue de la Paix|Via Roma|Calle Mayor|M. G. Road|"
        "Lindenweg|Ring Road|"
        "Avenue Foch|Industriestr.|Park Lane|Station Road|Kirchweg|Praça da Sé|ul. Długa|Nguyễn Huệ|Sector 21, Plot"
    ),
    CYRILLIC: _list("ул. Ленина|ул. Мира|пр. Победы|ул. Садовая|наб. Фонтанки|ул. Гагарина|Невский пр."),
    CJK: _list("人民路|中山路|解放大道|建设街|长安街|南京路|和平路|工业园区"),
    ARABIC: _list("شارع الملك فهد|شارع النيل|طريق المطار|شارع الحمراء|حي السلام"),
}
MONTHS: Lexicon = {
    LATIN: _list("JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"),
    CYRILLIC: _list("ЯНВ|ФЕВ|МАР|АПР|МАЯ|ИЮН|ИЮЛ|АВГ|СЕН|ОКТ|НОЯ|ДЕК"),
    CJK: _list("JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"),
    ARABIC: _list("يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر"),
}
SENTENCE_WORDS: Lexicon = {
    LATIN: _list(
        "the of and in to for with by from this that shall be have been any payment invoice account "
        "delivery goods order "
        "contract party agreement amount total date due number within days balance der die das und mit für "
        "von nach "
        "Rechnung Lieferung Betrag Vertrag le la les et pour avec dans facture montant conformément il "
        "pagamento de la "
        "del servicio under section pursuant hereby certify following notice order customer price quantity "
        "per item",
        " ",
    ),
    CYRILLIC: _list(
        "и в на с по для от до при или что как договор счёт оплата товар сторона услуги сумма рублей "
        "согласно настоящий "
        "срок дней поставка акт приложение номер дата заказчик исполнитель ответственность обязуется стоимость",
        " ",
    ),
    CJK: _list(
        "的|在|和|本|合同|双方|甲方|乙方|应|按照|规定|付款|货物|交付|金额|人民币|日期|公司|责任|服务|如有|"
        "争议|协商|解决|有效|签字|盖章|之日|起"
    ),
    ARABIC: _list(
        "في من على إلى عن مع هذا العقد الطرف الأول الثاني المبلغ التاريخ الدفع خلال يوم حسب الفاتورة "
        "البضاعة التسليم رقم",
        " ",
    ),
}
